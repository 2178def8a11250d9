package host

import (
	"slices"
	"strconv"
	"strings"
)

// Status is what /proc/PID/status says of a process, or /proc/PID/task/TID/status of a
// thread: see proc_pid_status(5). The kernel escapes the name, so that it cannot be taken
// for another line.
type Status struct {
	Name       string
	State      string   // a letter: "Z" of a process that has ended
	Parent     int      // PID, 0 unknown
	UIDs, GIDs [4]int64 // real, effective, saved and of the file system; all -1 unknown
	Groups     []int64  // supplementary
}

var unknownIDs = [4]int64{-1, -1, -1, -1}

// ParseStatus reads lines of it; those that were left out are unknown.
func ParseStatus(lines []string) Status {
	s := Status{UIDs: unknownIDs, GIDs: unknownIDs}
	for _, line := range lines {
		key, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		switch {
		case key == "Uid":
			s.UIDs = fourIDs(fields)
		case key == "Gid":
			s.GIDs = fourIDs(fields)
		case key == "Groups":
			s.Groups = ids(fields)
		case key == "Name":
			s.Name = strings.TrimSpace(rest)
		case key == "State" && len(fields) > 0:
			s.State = fields[0]
		case key == "PPid" && len(fields) > 0:
			s.Parent, _ = strconv.Atoi(fields[0])
		}
	}
	return s
}

// Known reports whether both kinds of IDs are known.
func (s Status) Known() bool { return s.UIDs != unknownIDs && s.GIDs != unknownIDs }

// AllRoot reports whether all four UIDs are root's. A program that is setuid root, and
// was started by an ordinary user, has that user as its real UID.
func (s Status) AllRoot() bool { return s.UIDs == [4]int64{} }

// AnyRoot reports whether one of the UIDs is root's.
func (s Status) AnyRoot() bool { return slices.Contains(s.UIDs[:], 0) }

func fourIDs(fields []string) [4]int64 {
	if all := ids(fields); len(fields) == 4 && len(all) == 4 {
		return [4]int64(all)
	}
	return unknownIDs
}

// ids leaves out what is no ID.
func ids(fields []string) []int64 {
	var all []int64
	for _, f := range fields {
		if id, err := strconv.ParseUint(f, 10, 32); err == nil {
			all = append(all, int64(id))
		}
	}
	return all
}
