package survey

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Pending is a change that enable or disable armed and that is not yet settled.
type Pending struct {
	Dir string // its folder in /var/lib/docker-userns
	// What follows is from its manifest, and is empty if that cannot be read.
	Verb     string    `json:"verb"`
	Started  time.Time `json:"started"`
	Deadline time.Time `json:"deadline"` // when the host undoes it automatically
	Unit     string    `json:"unit"`     // that it restarts, "" if the user does
}

// parsePending reads the manifest of the change in a folder.
func parsePending(dir string, manifest []byte) *Pending {
	var p Pending
	if json.Unmarshal(manifest, &p) != nil {
		p = Pending{}
	}
	p.Dir = dir
	return &p
}

// ChangeFolder is where changes keep what they need for the rollback, one folder
// each: root's alone, since it holds what is run as root.
const ChangeFolder = "/var/lib/docker-userns"

// PendingLink is a symlink to the folder of a change that was armed and is not
// settled yet. To make it is to take the lock: symlink(2) fails if it
// exists already. The folder holds a file "manifest.json".
const PendingLink = ChangeFolder + "/pending"

const (
	pendingManifest = PendingLink + "/manifest.json"
	pendingFolder   = PendingLink + "/." // what the link leads to
)

var changeFolder = regexp.MustCompile(`^` + ChangeFolder + `/\d{8}T\d{6}Z$`)

// A FolderError is a folder of changes, or something in it, that somebody other
// than root may have made: nothing in it is believed or run.
type FolderError struct{ Path, Wrong string }

// Error says what is wrong, and what to do.
func (e *FolderError) Error() string {
	return fmt.Sprintf("%s %s, so nothing in it can be trusted: find out who created it, and move it away", e.Path, e.Wrong)
}

// RootsAlone says why a folder is not one of root's that nobody else can enter.
func RootsAlone(path string, s host.Stat) error {
	switch {
	case s.Mode&fs.ModeSymlink != 0:
		return &FolderError{path, "is a link to " + s.Target}
	case !s.Mode.IsDir():
		return &FolderError{path, "is no folder"}
	case s.UID != 0 || s.GID != 0 || s.Mode.Perm() != 0o700 || s.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return &FolderError{path, fmt.Sprintf("belongs to %d:%d with mode %04o instead of 0:0 with mode 0700", s.UID, s.GID, s.Mode.Perm())}
	}
	return nil
}

var pendingTopic = topic{
	first: func(_ *look, q *host.Questions) {
		q.Files = append(q.Files, pendingManifest)
		q.Stats = append(q.Stats, ChangeFolder, PendingLink, pendingFolder)
	},
	read:   func(l *look, f *Facts) { f.Pending = l.pending() },
	unread: func(f *Facts, err error) { f.Pending.Err = err },
}

// pending is the change under way. What the link says is believed only in a
// folder of root's, and only if it leads to a change in there.
func (l *look) pending() Read[*Pending] {
	folder, link := l.seen.Stats[ChangeFolder], l.seen.Stats[PendingLink]
	if folder.Err == nil {
		if err := RootsAlone(ChangeFolder, folder); err != nil {
			return Read[*Pending]{Err: err}
		}
	}
	switch {
	case link.Err != nil && !isMissing(link.Err):
		return Read[*Pending]{Err: link.Err}
	case link.Err != nil:
		return Read[*Pending]{}
	case !changeFolder.MatchString(link.Target):
		return Read[*Pending]{Err: &FolderError{PendingLink, fmt.Sprintf("leads to %q instead of the folder of a change", link.Target)}}
	}
	if to := l.seen.Stats[pendingFolder]; to.Err == nil {
		if err := RootsAlone(link.Target, to); err != nil {
			return Read[*Pending]{Err: err}
		}
	}
	return Read[*Pending]{Value: parsePending(link.Target, l.text(pendingManifest).Value.Data)}
}
