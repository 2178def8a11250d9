package probe

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/idmap"
)

// Report is what one probe saw.
type Report struct {
	Image string        // that it was made of; "" for one made of this program
	Map   idmap.Map     // that it was expected under
	Took  time.Duration // creating and starting the container
	Users []User        // root, then UID 1000
}

// User is one user's process in the container of a probe.
type User struct {
	UID, GID int64 // in the container, as asked for
	PID      int   // on the host
	Inside   View  // by the process itself
	Outside  View  // by the host
	By       string
	Err      error // why nothing was seen from outside
	Volume   File
	Bind     File
}

// Who saw a process from outside: the host's own /proc, or docker top, which has
// no ID maps and no supplementary groups and so is the weaker proof.
const (
	ByProc = "/proc"
	ByTop  = "docker top"
)

// View is what uid_map, gid_map and status of /proc/PID say of a process.
type View struct {
	Map        idmap.Map
	UIDs, GIDs [4]int64 // real, effective, saved, of the file system
	Groups     []int64
}

// File is a file that the process wrote into a mount.
type File struct {
	Path     string // on the host
	Written  error  // why it was not written
	Seen     error  // why its owner could not be seen
	UID, GID int64  // its owner, on the host
}

// parse reads what a probe says.
func (u *User) parse(text []byte) error {
	u.Volume.Written, u.Bind.Written = errors.New("nothing was said of it"), errors.New("nothing was said of it")
	complete := false
	for line := range strings.Lines(string(text)) {
		key, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "wrote", "refused":
			u.wrote(key, rest)
		case lastLine:
			complete = true
		default:
			u.Inside.add(key, rest)
		}
	}
	if !complete || len(u.Inside.Map.UID) == 0 {
		return errors.New("it did not say what it sees")
	}
	return nil
}

func (u *User) wrote(key, rest string) {
	file := &u.Volume
	if strings.HasPrefix(rest, bindDir+"/") {
		file = &u.Bind
	}
	file.Written = nil
	if key == "refused" {
		_, why, _ := strings.Cut(rest, " ")
		file.Written = errors.New(strings.TrimSpace(why))
	}
}

// add takes one line of a file of /proc/PID.
func (s *View) add(file, line string) {
	fields := strings.Fields(line)
	switch {
	case file == "uid_map":
		s.Map.UID = appendExtent(s.Map.UID, fields)
	case file == "gid_map":
		s.Map.GID = appendExtent(s.Map.GID, fields)
	case len(fields) == 5 && fields[0] == "Uid:":
		copy(s.UIDs[:], numbers(fields[1:]))
	case len(fields) == 5 && fields[0] == "Gid:":
		copy(s.GIDs[:], numbers(fields[1:]))
	case len(fields) > 0 && fields[0] == "Groups:":
		s.Groups = numbers(fields[1:])
	}
}

func appendExtent(e idmap.Extents, fields []string) idmap.Extents {
	n := numbers(fields)
	if len(n) != 3 || len(e) >= idmap.MaxExtents {
		return e
	}
	return append(e, idmap.Extent{ContainerID: n[0], HostID: n[1], Size: n[2]})
}

// numbers are the IDs that fields write; -1 stands for what is none.
func numbers(fields []string) []int64 {
	var ids []int64
	for _, field := range fields {
		id, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			id = -1
		}
		ids = append(ids, id)
	}
	return ids
}
