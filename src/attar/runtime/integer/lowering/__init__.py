"""From one step of a network to operators of a program, a file for each kind."""
