"""gaiectl: render, install, test and clean up an inference gateway."""
