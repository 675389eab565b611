"""The fault harness: orders live on real parts while those parts are broken, and three books are compared after."""
