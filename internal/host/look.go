package host

// Limits of what one answer holds, so that no file or command of a host can
// fill the memory of the one that looks at it.
const (
	MaxFile   = 4 << 20  // bytes of one file in [Answers]
	MaxLines  = 32 << 20 // bytes of one answer to [Lines]: the IDs of a hundred thousand threads
	MaxOutput = 4 << 20  // bytes of each stream of a command
	MaxNames  = 1 << 16  // names of one directory, or links of one pattern
)

// Questions are what one round trip can ask. Paths are absolute.
type Questions struct {
	Files    []string  // bodies of regular files, symlinks followed
	Inside   []Path    // likewise of files in a tree that somebody else made
	Stats    []string  // anything; a symlink is not followed
	ACLs     bool      // whether Stats come with their POSIX ACL
	Attrs    []string  // those of Stats that come with Immutable
	Reals    []string  // paths to resolve: every symlink on the way followed
	Dirs     []string  // names in a directory
	Lines    []Lines   // lines of the many files that a pattern matches
	Links    []string  // patterns of symlinks, such as /proc/1/ns/*: their targets
	Spaces   []string  // file systems, by a path on them
	Programs []string  // names, looked for in PATH and the sbin folders
	Commands []Command // run one after the other, after all else
}

// Lines asks for the lines of all files that Globs match, e.g.
// "/proc/[0-9]*/status"; its answer stands under Name. Prefixes keeps the lines
// that begin with one of them, none keeps all; Except then leaves out the lines
// that it equals. Files that vanish meanwhile are left out. It is for many small
// text files, whose paths hold no newline or colon: it takes one process for all
// of them, where Files takes one each.
type Lines struct {
	Name     string
	Globs    []string
	Prefixes []string
	Except   string
}

// Answers hold one entry for each question, under its path, pattern or name, and
// the results of the commands in their order.
type Answers struct {
	Files    map[string]Body
	Inside   map[Path]Body
	Stats    map[string]Stat
	Reals    map[string]Real
	Dirs     map[string]Dir
	Lines    map[string]Text // by Name
	Links    map[string]Targets
	Spaces   map[string]Space
	Programs map[string]string // path by name; those not found have no entry
	Commands []Result
}

// Body is a file's content, its first MaxFile bytes if it is longer.
type Body struct {
	Data      []byte
	Truncated bool // the file goes on after Data
	Err       error
}

// Real is a path without a symlink in it, as realpath(3) gives it.
type Real struct {
	Path string
	Err  error
}

// Dir is the content of a directory: its names, sorted, without "." and "..".
type Dir struct {
	Names     []string
	Truncated bool // it has more than MaxNames
	Err       error
}

// Text is the lines of each file that a pattern matched, by the file's path,
// without their newlines.
type Text struct {
	Files     map[string][]string
	Truncated bool // over MaxLines bytes: files are missing
}

// Targets are the targets of the symlinks that a pattern matched, by path.
// Links that may not be read are left out.
type Targets map[string]string

// newAnswers makes room for the answers to q.
func newAnswers() Answers {
	return Answers{
		Files: map[string]Body{}, Inside: map[Path]Body{}, Stats: map[string]Stat{}, Reals: map[string]Real{},
		Dirs: map[string]Dir{}, Lines: map[string]Text{}, Links: map[string]Targets{},
		Spaces: map[string]Space{}, Programs: map[string]string{},
	}
}
