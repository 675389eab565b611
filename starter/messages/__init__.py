"""What buyer, seller and desk write to each other: the thread, the inbox, and the notes that the system has sent."""
