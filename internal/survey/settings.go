package survey

import (
	"errors"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
	"github.com/docker-userns/docker-userns/internal/dockerd"
)

// StartArgs are the arguments that dockerd is started with next; if they are unknown,
// those that it runs with. What counts for a restart is not what runs now.
func (f Facts) StartArgs() []string {
	if args := f.Daemon.Value.Args; f.Start.Err != nil && f.Daemon.Err == nil && len(args) > 0 {
		return args[1:]
	}
	return f.Start.Value.Args
}

// Flag gives the flag of StartArgs with a long name that counts.
func (f Facts) Flag(name string) (dockerd.Flag, bool) {
	return dockerd.Last(dockerd.Flags(f.StartArgs()), name)
}

// DaemonJSON is the text of daemon.json, parsed; a file that is missing sets nothing. The
// error is of reading it, or one of package daemonjson.
func (f Facts) DaemonJSON() (daemonjson.Doc, error) {
	switch {
	case errors.Is(f.Config.Err, fs.ErrNotExist):
		return daemonjson.Doc{}, nil
	case f.Config.Err != nil:
		return daemonjson.Doc{}, f.Config.Err
	case f.Config.Value.Truncated:
		return daemonjson.Doc{}, daemonjson.ErrTooLarge
	}
	return daemonjson.Parse(f.Config.Value.Data)
}

// Setting is a setting of dockerd that is a string, as the next start finds it, and
// where it is; both are "" if it is not set. A flag goes before daemon.json: with
// both, dockerd does not start.
func (f Facts) Setting(key string) (value, origin string) {
	if flag, ok := f.Flag(key); ok {
		return flag.Value, "the flag " + f.Unit.Value.Given(flag.Word)
	}
	doc, _ := f.DaemonJSON()
	if value, ok := doc.String(key); ok {
		return value, f.ConfigPath()
	}
	return "", ""
}
