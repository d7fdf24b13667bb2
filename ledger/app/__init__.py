"""How a home is opened, founded, restored, saved and measured: where services meet adapters."""
