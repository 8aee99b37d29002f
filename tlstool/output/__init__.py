"""What people and programs read: reports and events as text and as JSON, and the rules of printing."""
