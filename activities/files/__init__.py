"""Files that people hand in: judged by content, made harmless, or refused."""
