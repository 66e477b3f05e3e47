"""What editors need: the extension for Visual Studio Code, and how to pack it."""
