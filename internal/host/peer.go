package host

// Process is a process of this machine, as far as it can be seen.
type Process struct {
	PID  int
	UID  int
	Name string // comm, proc(5); "" if the process is not in sight
}
