package host

// Limits of what one answer holds, so that no file or command of a host can
// fill the memory of the one that looks at it.
const (
	MaxFile   = 1 << 20 // bytes of one file in [Answers]
	MaxLines  = 8 << 20 // bytes of one answer to [Lines]
	MaxOutput = 4 << 20 // bytes of each stream of a command
	MaxNames  = 1 << 16 // names of one directory
)

// Questions are what one round trip can ask.
type Questions struct {
	Files    []string  // regular files, symlinks followed: body and stat
	Stats    []string  // anything, symlinks not followed; see [Stat]
	ACLs     bool      // also read the POSIX ACL of each of Stats
	Dirs     []string  // names in a directory, sorted, without "." and ".."
	Lines    []Lines   // lines of the many files that a pattern matches
	Links    []string  // patterns of symlinks, such as /proc/1/exe: their targets
	Spaces   []string  // file systems, by a path on them
	Commands []Command // run one after the other, after all else
}

// Lines asks for the lines of all files that Glob matches, e.g.
// "/proc/[0-9]*/status". Prefixes keeps the lines that begin with one of them;
// none keeps all. Files that vanish meanwhile are left out. It is for text
// files whose names hold no newline or colon.
type Lines struct {
	Glob     string
	Prefixes []string
}

// Answers hold one entry for each question, under its path or pattern, and the
// results of the commands in their order.
type Answers struct {
	Files    map[string]Body
	Stats    map[string]Stat
	Dirs     map[string]Dir
	Lines    map[string]Text // by Glob
	Links    map[string]Targets
	Spaces   map[string]Space
	Commands []Result
}

// Body is a file's content, its first MaxFile bytes where it is longer.
type Body struct {
	Data      []byte
	Truncated bool // the file goes on after Data
	Err       error
}

// Dir is the content of a directory. Truncated where it has over MaxNames names.
type Dir struct {
	Names     []string
	Truncated bool
	Err       error
}

// Text is the lines of each file that a pattern matched, by the file's path,
// without their newlines.
type Text struct {
	Files     map[string][]string
	Truncated bool // over MaxLines bytes: the last files are missing
	Err       error
}

// Targets are the targets of the symlinks that a pattern matched, by path.
// Links that may not be read are left out.
type Targets map[string]string

// Space is what statfs(2) says of a file system: what a process of root may
// still use, in bytes and inodes. A file system without a limit on inodes, such
// as btrfs, has 0 of both.
type Space struct {
	Type        string // as `stat -f -c %T` names it, e.g. "ext2/ext3", or hex
	Bytes, Free int64
	Inodes      int64
	FreeInodes  int64
	Err         error
}
