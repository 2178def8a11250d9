package survey

import "time"

// Patience is how long a container is waited for that may take as long as it likes.
const Patience = 10 * time.Minute

// StopTime is how long the running containers may take to stop, all at once: the
// longest time that one of them has.
func (f Facts) StopTime() time.Duration {
	var longest time.Duration
	for _, c := range f.Containers.Value {
		if c.Running() {
			longest = max(longest, c.StopTime())
		}
	}
	return longest
}

// StopTime is how long the container may take to stop.
func (c Container) StopTime() time.Duration {
	if c.StopTimeout < 0 {
		return Patience
	}
	return time.Duration(c.StopTimeout) * time.Second
}
