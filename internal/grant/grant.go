package grant

import (
	"errors"
	"fmt"
	"path"

	"github.com/docker-userns/docker-userns/internal/idmap"
)

// A Grant is a right to a path, and how it is given: by an ACL entry, or by shifting owners.
type Grant struct {
	// Path is an absolute path without links in it.
	Path string `json:"path"`
	// Tree gives it to all that is in the directory, too. What is created there later gets its
	// rights from who creates it: a default ACL would turn their umask(2) off.
	Tree bool `json:"tree,omitempty"`
	// Inode is that of the path, so that another file of the name is not taken for it.
	Inode uint64 `json:"inode"`
	// UID is the user of the host that gets Perm: 4 read, 2 write, 1 pass through directories
	// and run programs.
	UID  int64 `json:"uid"`
	Perm uint8 `json:"perm,omitempty"`
	// Shift gives the files to the users that their owners become in the map instead.
	Shift bool `json:"shift,omitempty"`
}

// A Job is what is given together.
type Job struct {
	Map    idmap.Map `json:"map"`
	Grants []Grant   `json:"grants"`
}

func (j Job) valid() error {
	for _, g := range j.Grants {
		switch {
		case !path.IsAbs(g.Path) || path.Clean(g.Path) != g.Path || g.Path == "/":
			return fmt.Errorf("the path %q is not a clean absolute one", g.Path)
		case g.Shift == (g.Perm != 0) || g.Perm > 7:
			return fmt.Errorf("the right to %s is neither an ACL entry nor a shift of owners", g.Path)
		case !g.Shift && !j.Map.UID.Holds(g.UID):
			return fmt.Errorf("user %d, who gets a right to %s, is not in the map", g.UID, g.Path)
		}
	}
	if j.Map.Empty() {
		return errors.New("there is no ID map")
	}
	return j.Map.Err()
}

// A Place is a path that a right may be given to.
type Place struct {
	Path string `json:"path"`
	Tree bool   `json:"tree,omitempty"`
}

// A Survey is what [Look] is asked.
type Survey struct {
	Map    idmap.Map `json:"map"`
	Places []Place   `json:"places"`
	// Odd are names of files as they lie in a home directory, and OddPaths ends of paths that
	// show the state of an engine.
	Odd      []string `json:"odd,omitempty"`
	OddPaths []string `json:"oddPaths,omitempty"`
}

// Found is what is at a place.
type Found struct {
	Kinds []Kind `json:"kinds"` // each once
	Files int64  `json:"files"` // directories among them
	Inode uint64 `json:"inode"`
	// Odd says that there are hard links, which lead out of it, or an odd name or path.
	Odd bool `json:"odd,omitempty"`
	// NoACL and NoShift say why a right cannot be given in this way and taken back, "" if it
	// can be.
	NoACL   string `json:"noACL,omitempty"`
	NoShift string `json:"noShift,omitempty"`
	Err     string `json:"err,omitempty"` // why it could not be looked at
}
