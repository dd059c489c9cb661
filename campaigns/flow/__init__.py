"""The life of one lead, in reading order: dispatch (or pull), offer, permit, place, progress, match, conclude, wrap_up, next_for."""
