package survey

// The tables of subordinate IDs, subuid(5) and subgid(5).
const (
	subuidFile = "/etc/subuid"
	subgidFile = "/etc/subgid"
)
