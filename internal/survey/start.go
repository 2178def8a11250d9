package survey

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Start is how dockerd is started the next time, which need not be how the one
// that runs was: a drop-in or an environment file may have been changed since.
type Start struct {
	Program string // its path without symlinks; "" if that is unknown, or it cannot be run from outside of a snap
	Doubt   string // why Program is not to be run as root, "" if it can be
	Args    []string
	// Config is the configuration file, "" if that is unknown; ConfigGiven says
	// that --config-file names it: dockerd does not start if such a file is missing.
	Config      string
	ConfigGiven bool
	DataRoot    string // without symlinks, "" if they were not followed
	FromUnit    bool   // told by the unit; otherwise by the process that runs
}

var (
	// ErrNoStart: nothing tells how dockerd is started.
	ErrNoStart = errors.New("could not determine how dockerd is started")
	// ErrStartFails: systemd does not start the unit as it is.
	ErrStartFails = errors.New("the service does not start any more")
)

var startTopic = topic{
	third: func(l *look, q *host.Questions) {
		next := l.startedWith()
		q.Reals = append(q.Reals, l.configuredRoot(next))
		if next.Exe != "" {
			q.Stats = append(q.Stats, chain(next.Exe)...)
		}
	},
	read: func(l *look, f *Facts) {
		d, running := l.daemon()
		f.Start = l.start(d, running, l.unit(d))
	},
	unread: func(f *Facts, err error) { f.Start.Err = err },
}

// start is how the daemon is started next.
func (l *look) start(d process, running bool, u Unit) Read[Start] {
	next, fromUnit, err := l.next(d, running, u)
	if err != nil {
		return Read[Start]{Err: err}
	}
	s := Start{
		Program: next.Exe, Args: next.Args[1:], Config: next.Config, ConfigGiven: next.ConfigGiven,
		FromUnit: fromUnit,
	}
	root := l.configuredRoot(next)
	if r, asked := l.seen.Reals[root]; asked && (r.Err == nil || isMissing(r.Err)) {
		s.DataRoot = l.real(root)
	}
	switch {
	case d.snap():
		s.Program = ""
	case s.Program != "" && !l.unprivileged:
		s.Doubt = l.tampered(s.Program)
	}
	return Read[Start]{Value: s}
}

// startedWith is the dockerd that the host's unit would start: what is known of
// it before, or without, a process.
func (l *look) startedWith() process {
	d, _, err := l.next(process{}, false, l.service(""))
	if err != nil {
		d.setConfig()
	}
	return d
}

// next is the dockerd that is started next, as far as that is known, and
// whether the unit tells it.
func (l *look) next(d process, running bool, u Unit) (next process, fromUnit bool, err error) {
	next = process{unit: u.Name, allRoot: true}
	next.HostUserns, next.HostMounts, next.HostPIDs = true, true, true
	switch {
	case u.Manager == Systemd && path.Base(u.Program) == program:
		args, err := l.unitArgs(u)
		if err != nil {
			return next, true, err
		}
		// systemctl puts blanks between the words of a command line, and quotes
		// nothing: a process that has the same text has the words as they are.
		if running && strings.Join(args[1:], " ") == strings.Join(d.Args[1:], " ") {
			args = d.Args
		}
		next.Args, next.Exe, fromUnit = args, l.real(u.Program), true
	case running:
		next.Args, next.Exe = withOptions(d.Args, l.options(u)), d.Exe
		next.HostUserns, next.HostMounts, next.UID = d.HostUserns, d.HostMounts, d.UID
	case u.Manager == OpenRC || u.Manager == SysV:
		next.Args = append([]string{program}, l.options(u)...)
	default:
		return next, false, ErrNoStart
	}
	next.setConfig()
	return next, fromUnit, nil
}

// unitArgs is the command line of a unit with the variables put in that it names
// itself or takes from files. Later files go before earlier ones, and all of them
// before the unit.
func (l *look) unitArgs(u Unit) ([]string, error) {
	argv := strings.Fields(u.Start)
	if len(argv) == 0 {
		return nil, ErrNoStart
	} else if u.Verbatim {
		return argv, nil
	}
	values := map[string]string{}
	for _, assignment := range u.Environment {
		if name, value, ok := strings.Cut(assignment, "="); ok {
			values[name] = value
		}
	}
	for _, f := range u.EnvironmentFiles {
		text := l.text(f.Path)
		switch {
		case strings.ContainsAny(f.Path, "*?["):
			return nil, fmt.Errorf("%s takes its environment from all files that match %s, which were not read", u.Name, f.Path)
		case isMissing(text.Err) && f.Optional:
		case isMissing(text.Err):
			return nil, fmt.Errorf("%w: its environment file %s is missing", ErrStartFails, f.Path)
		case text.Err != nil:
			return nil, fmt.Errorf("reading the environment file of %s: %w", u.Name, text.Err)
		}
		for name, value := range parseEnvironment(string(text.Value.Data)) {
			values[name] = value
		}
	}
	return append(argv[:1:1], expand(argv[1:], values)...), nil
}

// options are the flags that the files of an init script give dockerd.
func (l *look) options(u Unit) (words []string) {
	if u.Manager != OpenRC && u.Manager != SysV {
		return nil
	}
	for _, p := range defaults {
		values := parseEnvironment(strings.ReplaceAll(string(l.seen.Files[p].Data), "\nexport ", "\n"))
		for _, name := range []string{"DOCKER_OPTS", "DOCKERD_OPTS", "OPTIONS"} {
			words = append(words, splitWords(values[name])...)
		}
	}
	return words
}

// withOptions are the arguments of a process, and the options that were written
// down since it was started.
func withOptions(args, options []string) []string {
	for i := 0; i+len(options) <= len(args); i++ {
		if slices.Equal(args[i:i+len(options)], options) {
			return args
		}
	}
	return slices.Concat(args, options)
}
