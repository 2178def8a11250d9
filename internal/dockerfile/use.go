package dockerfile

import "slices"

// A Role is what a number is for.
type Role int

const (
	// Makes: an account gets the number.
	Makes Role = iota
	// Gives: files get the number as their owner or group.
	Gives
	// Runs: processes run as the number.
	Runs
	// Looks: files of the number are looked for.
	Looks
	// Names: a variable has the number, whose name says that it is one of a user.
	Names
	// Bounds: accounts get no number beyond it, as UID_MAX of login.defs(5) says.
	Bounds
)

// A Use is a number that an instruction uses as a UID or GID.
type Use struct {
	ID    int64
	Group bool // a GID, otherwise a UID
	Role  Role
	In    *Instruction // that uses it
	// Def is the instruction that the number is written in, at offset At of Raw;
	// nil if it is not known where it comes from.
	Def *Instruction
	At  int
	// Arg is the build argument that the number was given in, if it was given from
	// outside.
	Arg string
}

// Run is what is known of the commands of a RUN.
type Run struct {
	// Commands are the names of the programs that are started.
	Commands []string
	// Tars is where tar commands that extract take --no-same-owner.
	Tars []Insertion
	// Extracts: an archive is unpacked by a command that keeps owners.
	Extracts bool
	Chowns   []Chown
	tail     tail
}

// Insertion is a text that is put into an instruction.
type Insertion struct {
	At   int
	Text string
}

// Chown is a command that gives files a numeric owner.
type Chown struct {
	Recursive bool
	Paths     []string
}

// Has reports whether one of the programs is started.
func (r *Run) Has(names ...string) bool {
	return slices.ContainsFunc(r.Commands, func(c string) bool { return slices.Contains(names, c) })
}

// InstallsNPM reports whether it runs a package manager of npm's packages.
func (r *Run) InstallsNPM() bool { return r.Has("npm", "npx", "yarn", "pnpm") }
