package remap

import (
	"path"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// Folder is where changes keep their backups, one folder each, root's alone.
const Folder = survey.ChangeFolder

// Change is what the script of a change knows: all that it needs to return the
// host to what it was, decided before anything is touched.
type Change struct {
	ID     string // its time in UTC, "20261122T210203Z": the name of its folder
	Unit   string // of dockerd, e.g. "docker.service"; "" if nothing restarts it
	Socket string // its socket unit, e.g. "docker.socket"; "" if there is none
	Config File   // daemon.json; without a path if it is not edited
	Tables []File // /etc/subuid and /etc/subgid, if they may be edited
	// Account is the user that the change creates, "" if it exists already.
	Account string
	// Tree is the data root that dockerd makes for it, "" if it makes none.
	Tree string
	// Twin is the copy of the data root that becomes NewRoot, "" if there is none.
	Twin string
	// Aside is where the folders of NewRoot move that the copy takes the place of, "" if
	// NewRoot is new.
	Aside string
	// Rights says what the change does with the rights to what containers mount from the
	// host: it "give"s, or "take"s back, what is in the file grants.json. "" is neither.
	Rights string
	// Running are the IDs of containers that ran before: they are started again.
	Running []string
	// DataRoot is what the engine said before, "" unknown.
	DataRoot string
	// NewRoot is what it will say once the change is made, "" unknown.
	NewRoot string
	// Endpoint is where the docker CLI of the host finds the engine; "none" if it
	// cannot, "" for the default socket.
	Endpoint string
	// Down says that the daemon was down before: then it may be so again.
	Down bool
}

// Files are all files that the change may edit.
func (c Change) Files() []File {
	if c.Config.Path == "" {
		return c.Tables
	}
	return append([]File{c.Config}, c.Tables...)
}

// File is a file that a change edits.
type File struct {
	Path    string
	Existed bool
	Before  string // sha256 of its content in hex, "" if it did not exist
	After   string // likewise, as the change leaves it; "" if it removes it
	// Added is the text that the change puts in, exactly: it is taken out again if
	// somebody else has edited the file meanwhile. "" if the change only takes out.
	Added string
}

// Comment is the comment in /etc/passwd of the account that the change makes. It
// tells it from another one of the same name.
func (c Change) Comment() string { return "docker-userns " + c.ID }

// Dir is the folder of the change on the host.
func (c Change) Dir() string { return path.Join(Folder, c.ID) }
