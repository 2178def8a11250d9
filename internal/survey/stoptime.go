package survey

import "time"

// UsualStop is how long a container has to stop unless it says otherwise (dockerd 20.10
// to 29).
const UsualStop = 10 * time.Second

// Patience is how long a container is waited for that may take as long as it likes.
const Patience = 10 * time.Minute

// atOnce is how many containers docker stop stops at the same time.
const atOnce = 50

// StopTime is how long the running containers may take to stop: the longest time
// that one of them has, for as many of them as are stopped at once.
func (f Facts) StopTime() time.Duration {
	var longest time.Duration
	running := 0
	for _, c := range f.Containers.Value {
		if c.Running() {
			longest = max(longest, c.StopTime())
			running++
		}
	}
	return longest * time.Duration((running+atOnce-1)/atOnce)
}

// StopTime is how long the container may take to stop.
func (c Container) StopTime() time.Duration {
	if c.StopTimeout < 0 {
		return Patience
	}
	return time.Duration(c.StopTimeout) * time.Second
}
