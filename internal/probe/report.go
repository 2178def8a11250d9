package probe

import (
	"errors"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
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
	u.Volume.Written, u.Bind.Written = errors.New("the container did not report it"), errors.New("the container did not report it")
	complete, files := false, map[string][]string{}
	for line := range strings.Lines(string(text)) {
		key, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "wrote", "refused":
			u.wrote(key, rest)
		case lastLine:
			complete = true
		default:
			files[key] = append(files[key], rest)
		}
	}
	u.Inside = viewOf(files)
	if !complete || len(u.Inside.Map.UID) == 0 {
		return errors.New("the container did not report what it sees")
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

// viewOf reads files of /proc/PID by their names: uid_map, gid_map and status.
func viewOf(lines map[string][]string) View {
	s := host.ParseStatus(lines["status"])
	return View{
		Map:  idmap.Map{UID: idmap.FromProc(lines["uid_map"]), GID: idmap.FromProc(lines["gid_map"])},
		UIDs: s.UIDs, GIDs: s.GIDs, Groups: s.Groups,
	}
}
