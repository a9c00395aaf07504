"""The order of things: one file a flow, the command line, the settings as a whole."""
