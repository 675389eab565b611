"""One module per outside party, wire only: their words become ours in one total function."""
