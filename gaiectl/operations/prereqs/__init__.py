"""What clusters need before stacks come: had from pinned places, installed, removed."""
