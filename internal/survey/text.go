package survey

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// fill writes what was seen of the host into the facts, or why it does not
// count.
func (l *look) fill(f *Facts, err error) {
	if err != nil {
		f.unreadHost(err)
		l.seen = host.Answers{}
	} else {
		l.fillHost(f)
	}
	for i, c := range l.containers {
		l.containers[i].Identity = l.identity(c)
	}
}

func (l *look) fillHost(f *Facts) {
	f.SubUID, f.SubGID = l.text(subuidFile), l.text(subgidFile)
	f.Accounts = Read[Accounts]{Value: l.accounts(), Err: l.seen.Files["/etc/passwd"].Err}
	f.Kernel = Read[Kernel]{Value: l.kernel(), Err: l.seen.Files["/proc/sys/kernel/osrelease"].Err}
	f.Tools.Value = l.seen.Programs
	f.Maps.Value = liveMaps(l.seen.Lines[uidMaps], l.seen.Lines[gidMaps])
	f.MountTable = mountTable(l.seen.Files[mountInfo])
	f.Paths.Value = map[string]Path{}
	for _, source := range l.sources() {
		f.Paths.Value[source] = l.sourceAt(source)
	}
	d, running := l.daemon()
	if running {
		f.Daemon.Value = d.Daemon
		f.Daemon.Value.Others, f.Daemon.Value.Unread = l.others(d), l.unread
	} else {
		f.Daemon.Err = ErrNoProcess
	}
	f.Sockets = l.realSockets()
	f.Unit.Value = l.unit(d)
	f.Start = l.start(d, running, f.Unit.Value)
	if next, _, err := l.next(d, running, f.Unit.Value); err == nil {
		d = next
	} else if !running {
		d = l.startedWith()
	}
	f.Config = l.config(d)
	f.Storage = l.storage()
	f.Pending = l.pending()
}

// TextFile is a small file of the host. Where it is not there, the Read it
// stands in has fs.ErrNotExist; where it is no regular file, host.ErrNotRegular
// (Stat says what it is). It was not opened then.
type TextFile struct {
	Path      string
	Data      []byte
	Truncated bool // longer than host.MaxFile: Data is its beginning
	Stat      host.Stat
}

// text is a file of the host with its stat.
func (l *look) text(p string) Read[TextFile] {
	body, asked := l.seen.Files[p]
	if !asked {
		body.Err = &fs.PathError{Op: "open", Path: p, Err: errNotAsked}
	}
	return Read[TextFile]{
		Value: TextFile{Path: p, Data: body.Data, Truncated: body.Truncated, Stat: l.seen.Stats[p]},
		Err:   body.Err,
	}
}

func textLines(b host.Body) []string {
	text := strings.TrimRight(string(b.Data), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// trimmed is the one line that a file of /proc or /sys holds.
func trimmed(b host.Body) string { return strings.TrimSpace(string(b.Data)) }

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
