package remap

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// stateOf is what a survey shows of remap; nothing where the daemon is down.
func stateOf(f survey.Facts) State {
	s := State{Remapped: f.Engine.Value.Remapped(), DataRoot: f.Engine.Value.DataRoot, Containerd: f.Engine.Value.ContainerdStore()}
	for _, c := range f.Containers.Value {
		if c.AutoRemove {
			continue // gone once the daemon stops it
		}
		s.Containers = append(s.Containers, Object{ID: c.ID, Name: c.Name})
	}
	for _, i := range f.Images.Value {
		s.Images = append(s.Images, Object{ID: i.ID, Name: strings.Join(i.Tags, ", ")})
	}
	for _, v := range f.Volumes.Value {
		users, lasts := usersOf(v.Name, f.Containers.Value)
		if lasts {
			s.Volumes = append(s.Volumes, Object{ID: v.Name, Name: v.Name, UsedBy: users})
		}
	}
	for _, n := range f.Networks.Value {
		s.Networks = append(s.Networks, Object{ID: n.ID, Name: n.Name})
	}
	return s
}

// usersOf names the containers that mount a volume, and reports whether it lasts:
// one without a name of its own is gone with a container of --rm.
func usersOf(volume string, containers []survey.Container) (names []string, lasts bool) {
	lasts = true
	for _, c := range containers {
		for _, m := range c.Mounts {
			if m.Type != "volume" || m.Name != volume {
				continue
			}
			names = append(names, c.Name)
			lasts = lasts && (!c.AutoRemove || !survey.Unnamed(volume))
		}
	}
	return names, lasts
}

// socketOf is where the daemon's own host finds it: the unix socket of the
// endpoint or of a flag, else of daemon.json, else the default one. "none" is a
// daemon that has no unix socket.
func socketOf(f survey.Facts) string {
	if strings.HasPrefix(f.Endpoint, "unix://") {
		return f.Endpoint
	}
	doc, _ := daemonjson.Parse(f.Config.Value.Data)
	var hosts []string
	raw, _ := doc.Get("hosts")
	_ = json.Unmarshal(raw, &hosts) // of another type, dockerd would not have started
	for _, flag := range dockerd.Flags(f.StartArgs()) {
		if flag.Name == "host" {
			hosts = append(hosts, flag.Value)
		}
	}
	for _, h := range hosts {
		if strings.HasPrefix(h, "unix:///") {
			return h
		}
		if strings.HasPrefix(h, "fd://") {
			return defaultSocket
		}
	}
	if len(hosts) > 0 {
		return noSocket
	}
	return defaultSocket
}

const (
	defaultSocket = "unix:///var/run/docker.sock"
	noSocket      = "none"
)

// id names a change by its time.
func id(now time.Time) string { return now.UTC().Format("20060102T150405Z") }

// begin fills in what the way back has to know of the daemon.
func (p *Plan) begin(f survey.Facts, now time.Time) {
	p.On = report.On(f.Endpoint, f.HostKind)
	p.ID, p.DataRoot, p.NewRoot, p.Endpoint, p.Down = id(now), p.Before.DataRoot, p.After.DataRoot, socketOf(f), f.Engine.Err != nil
	if p.NewRoot == p.DataRoot { // the daemon stays where it is
		p.NewRoot = ""
	}
	if u := f.Unit.Value; f.Unit.Err == nil && u.Manager == survey.Systemd {
		p.Unit = u.Name
		if u.Socket != "" {
			p.Socket = "docker.socket"
		}
	}
	for _, l := range f.Left.Value {
		p.Strangers = append(p.Strangers, l.ID)
	}
	for _, c := range f.Containers.Value {
		if c.Running() && !c.AutoRemove {
			p.Running = append(p.Running, c.ID)
		}
	}
}

const scriptFile = "change.sh"

// scriptPath is the path of the change's script on the host.
func (p *Plan) scriptPath() string { return path.Join(p.Dir(), scriptFile) }

// arm puts the first step before all others.
func (p *Plan) arm() {
	title := fmt.Sprintf("Back up %s to %s", list(p.Files), p.Dir())
	if p.Unit != "" {
		title += fmt.Sprintf(", and arm the way back: the host returns by itself after %s unless all is proven good", short(p.Timeout))
	}
	p.Steps = slices.Insert(p.Steps, 0, Step{Name: StepArm, Title: title, Acts: []Act{
		run("making "+Folder, "sh", "-c", `mkdir -p -m 0700 -- "$1" && [ ! -h "$1" ] && [ "$(stat -c '%u:%g %a' -- "$1")" = '0:0 700' ] && exit
			echo "it has to be a folder of root:root with mode 0700, and no link: find out who made it, and move it away" >&2
			exit 1`, "sh", Folder),
		run("making the folder of the change", "sh", "-c", `mkdir -m 0700 -- "$1" && exit
			[ ! -d "$1" ] || echo "another change was begun in the same second; run the command again" >&2
			exit 1`, "sh", p.Dir()),
		write(p.scriptPath(), p.Script(), 0o700),
		write(path.Join(p.Dir(), manifestFile), p.manifest(), 0o600),
		run("arming the way back", "sh", p.scriptPath(), "arm", seconds(p.Timeout)),
	}})
}

func list(files []File) string {
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	if len(paths) < 2 {
		return strings.Join(paths, "")
	}
	return strings.Join(paths[:len(paths)-1], ", ") + " and " + paths[len(paths)-1]
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// short writes a duration without the units that are zero.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// trusted refuses to plan by what a process says of itself that is not believed to
// be root's dockerd, or to run a program that is not root's alone: arguments
// decide where the engine is, and the program is run.
func trusted(f survey.Facts) error {
	if d := f.Daemon.Value; f.Daemon.Err == nil && d.Doubt != "" {
		return fmt.Errorf("planning: process %d is not believed to be the dockerd that root runs on this host: %s", d.PID, d.Doubt)
	}
	if s := f.Start.Value; f.Start.Err == nil && s.Doubt != "" {
		return fmt.Errorf("planning: %s is not believed to be root's own program: %s", s.Program, s.Doubt)
	}
	return nil
}

// flagged refuses a key of daemon.json that dockerd is given as a flag too: it does
// not start with both.
func flagged(f survey.Facts, key string) error {
	flag, ok := f.Flag(key)
	if !ok {
		return nil
	}
	given := f.Unit.Value.Given(flag.Word)
	if given == flag.Word {
		given += " of what starts dockerd"
	}
	return fmt.Errorf("%s is set by the flag %s", key, given)
}

// validate has dockerd itself read the new daemon.json together with the flags
// that it will be started with, if it can: --validate is there from 23.0 on, and
// sees the user and the ranges from 26.0 on. An account that is named exists by
// then, since with "default" dockerd would make one. What is run is the program
// that systemd starts, or the executable that the kernel names, never what a
// process calls itself.
func (p *Plan) validate(f survey.Facts, text []byte) {
	s := f.Start.Value
	version, known := dockerd.ParseVersion(f.Engine.Value.Version)
	if f.Start.Err != nil || s.Doubt != "" || !path.IsAbs(s.Program) || !known || !version.AtLeast(23) {
		return
	}
	candidate := path.Join(p.Dir(), "daemon.json")
	args := slices.Concat([]string{s.Program, "--validate", "--config-file", candidate}, dockerd.Without(s.Args, "config-file"))
	p.Steps = append(p.Steps, Step{
		Name:  StepValidate,
		Title: "Have dockerd read the new daemon.json with the flags that it will be started with",
		Acts: []Act{
			write(candidate, text, 0o600),
			run("having dockerd read what "+f.ConfigPath()+" will be", args...),
		},
	})
}

// finish adds the steps that every plan ends with.
func (p *Plan) finish(f survey.Facts, noRestart bool) {
	switch {
	case p.Unit == "" || noRestart:
		p.Restart = restartCommand(f.Unit.Value)
	default:
		p.Steps = append(p.Steps,
			p.restart(f),
			Step{Name: StepProve, Title: proving[p.Verb]})
	}
	p.Steps = append(p.Steps, Step{Name: StepKeep, Title: "Disarm the way back: the change stays", Acts: []Act{
		run("disarming the way back", "sh", p.scriptPath(), "keep"),
	}})
}

var proving = map[Verb]string{
	Enable:  "Prove it: the engine answers and remaps, a container's processes are the mapped users' in the host's /proc, and the daemon stays up",
	Disable: "Prove it: the engine answers and does not remap, what was left in the old data root is there again, and the daemon stays up",
}

// restart is the outage. The time that containers need to stop is not to use up
// that of the way back.
func (p *Plan) restart(f survey.Facts) Step {
	s := Step{Name: StepRestart, Title: fmt.Sprintf("Restart %s: stop every container, then the daemon, and start it again", p.Unit)}
	if stop := f.StopTime(); stop > survey.UsualStop {
		s.Acts = append(s.Acts, run("giving the containers time to stop", "sh", p.scriptPath(), "renew", seconds(p.Timeout+stop)))
	}
	s.Acts = append(s.Acts, run("restarting "+p.Unit, "sh", p.scriptPath(), "restart"))
	return s
}

// restartCommand is what a person types to restart the daemon.
func restartCommand(u survey.Unit) string {
	switch u.Manager {
	case survey.Systemd:
		return report.Command("sudo", "systemctl", "restart", u.Name)
	case survey.OpenRC:
		return "sudo rc-service docker restart"
	case survey.SysV:
		return "sudo service docker restart"
	case survey.SnapD:
		return "sudo snap restart docker"
	}
	return "end the dockerd process, and start it again as it was started"
}
