"""Everything that touches the outside: providers, the store, notices. Imports the domain, never the workflows."""
