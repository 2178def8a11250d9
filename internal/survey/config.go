package survey

import (
	"encoding/json"
	"errors"
	"path"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Configuration files of dockerd, of Docker's packages and of the snap.
const (
	hostConfig = "/etc/docker/daemon.json"
	snapConfig = "/var/snap/docker/current/config/daemon.json"
)

// ErrNoConfig: the path of the daemon's configuration file is unknown, as that of a
// rootless one.
var ErrNoConfig = errors.New("the path of the daemon's configuration file is unknown")

// ConfigFile is daemon.json. If there is none, the Read that it is in has
// fs.ErrNotExist, and Path says where it would be.
type ConfigFile struct {
	TextFile
	Real   string    // its path without symlinks, "" if that was not found out
	Link   string    // where it is a symlink: what it leads to in the end
	Parent host.Stat // its directory
}

// Is reports whether a path is that of the file, as dockerd was told it or without
// symlinks.
func (c ConfigFile) Is(p string) bool {
	p = path.Clean(p)
	return p == path.Clean(c.Path) || p == c.Real
}

var configTopic = topic{
	first: func(_ *look, q *host.Questions) {
		for _, file := range []string{hostConfig, snapConfig} {
			q.Files = append(q.Files, file)
			q.Stats = append(q.Stats, file, path.Dir(file))
			q.Reals = append(q.Reals, file)
		}
		q.Attrs = append(q.Attrs, hostConfig, path.Dir(hostConfig))
	},
	second: func(l *look, q *host.Questions) { askConfig(q, l.startedWith()) },
	third:  func(l *look, q *host.Questions) { askConfig(q, l.startedWith()) },
	read: func(l *look, f *Facts) {
		d, running := l.daemon()
		if next, _, err := l.next(d, running, l.unit(d)); err == nil {
			d = next
		} else if !running {
			d = l.startedWith()
		}
		f.Config = l.config(d)
	},
	unread: func(f *Facts, err error) { f.Config.Err = err },
}

// askConfig asks for the configuration file of a dockerd.
func askConfig(q *host.Questions, d process) {
	if !path.IsAbs(d.Config) {
		return
	}
	q.Files = append(q.Files, d.Config)
	q.Stats = append(q.Stats, d.Config, path.Dir(d.Config))
	q.Attrs = append(q.Attrs, d.Config, path.Dir(d.Config))
	q.Reals = append(q.Reals, d.Config)
}

func (l *look) config(d process) Read[ConfigFile] {
	if d.Config == "" {
		return Read[ConfigFile]{Err: ErrNoConfig}
	}
	t := l.text(d.Config)
	c := Read[ConfigFile]{Value: ConfigFile{TextFile: t.Value, Parent: l.seen.Stats[path.Dir(d.Config)]}, Err: t.Err}
	c.Value.Real = l.seen.Reals[d.Config].Path
	if t.Value.Stat.Target != "" {
		c.Value.Link = c.Value.Real
	}
	return c
}

// setConfig finds the configuration file of a dockerd, as getDefaultDaemonConfigFile
// of cmd/dockerd does. That of a rootless one lies in its user's home, which
// only its environment tells: Config is empty then, unless a flag names it.
func (d *process) setConfig() {
	d.Config, d.ConfigGiven = d.Flag("config-file")
	switch {
	case d.ConfigGiven && !path.IsAbs(d.Config): // from a directory that is not known
		d.Config = ""
	case d.ConfigGiven:
	case d.snap():
		d.Config = snapConfig
	case d.UID == 0 && d.HostUserns:
		d.Config = hostConfig
	}
}

// configKeys are the keys of daemon.json that say where a daemon is.
type configKeys struct {
	DataRoot string   `json:"data-root"`
	Graph    string   `json:"graph"`
	Hosts    []string `json:"hosts"`
}

// configOf reads the configuration file of a dockerd, as far as it can be read.
func (l *look) configOf(d process) (keys configKeys) {
	if body, ok := l.seen.Files[d.Config]; ok && body.Err == nil {
		_ = json.Unmarshal(body.Data, &keys) // dockerd does not start with what is not JSON
	}
	return keys
}
