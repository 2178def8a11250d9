package check

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var serviceChecks = []Check{
	{Question: Question{ID: "daemon-process", Category: catService, Title: "Only root can change what runs as the daemon"}, Vital: true, Needs: []string{"host-reachable"}, Run: daemonProcess},
	{Question: Question{ID: "service-manager", Category: catService, Title: "systemd starts dockerd"}, Needs: []string{"host-reachable"}, Run: serviceManager},
	{Question: Question{ID: "service-state", Category: catService, Title: "The service runs, and systemd can start it again"}, Needs: []string{"service-manager"}, Run: serviceState},
	{Question: Question{ID: "service-next", Category: catService, Title: "A restart starts dockerd with the settings it has now"}, Needs: []string{"host-reachable"}, Run: serviceNext},
	{Question: Question{ID: "service-config", Category: catService, Title: "The daemon.json that dockerd reads is known"}, Vital: true, Needs: []string{"host-reachable"}, Run: serviceConfig},
	{Question: Question{ID: "single-daemon", Category: catService, Title: "One dockerd runs on this host"}, Needs: []string{"host-reachable"}, Run: singleDaemon},
}

func serviceManager(in *Input) Result {
	u := in.Unit.Value
	if in.Unit.Err != nil {
		return unread("what starts dockerd", in.Unit.Err)
	}
	switch u.Manager {
	case survey.Systemd:
		return pass("%s", u.Name).With(startFiles(u)...)
	case survey.OpenRC:
		return notBySystemd("OpenRC starts dockerd", "sudo rc-service docker restart")
	case survey.SysV:
		return notBySystemd("an init script starts dockerd", "sudo service docker restart")
	case survey.SnapD:
		return notBySystemd("snapd starts dockerd", "sudo snap restart docker")
	case survey.NoUnit:
		return warn("no service starts dockerd, which was started by hand: you must restart it yourself after a change, and a change that fails is not undone automatically")
	}
	return unsure("could not determine what starts dockerd; look with: ps -o pid,ppid,args -C dockerd")
}

func notBySystemd(what, restart string) Result {
	return warn("%s, not systemd: you must restart it yourself after a change (%s), and a change that fails is not undone automatically", what, restart)
}

// startFiles are the files that say how a unit starts dockerd.
func startFiles(u survey.Unit) []Detail {
	var out []Detail
	if u.File != "" {
		out = append(out, Detail{Name: u.File, Note: u.Start})
	}
	for _, path := range u.DropIns {
		out = append(out, Detail{Name: path, Note: "drop-in"})
	}
	for _, f := range u.EnvironmentFiles {
		out = append(out, Detail{Name: f.Path, Note: "environment"})
	}
	return out
}

func serviceState(in *Input) Result {
	u := in.Unit.Value
	switch {
	case in.Unit.Err != nil:
		return unread("the state of the service", in.Unit.Err)
	case u.Manager != survey.Systemd:
		return skip("systemd does not start dockerd here")
	case u.LoadState == "masked":
		return fail("%s is masked, so dockerd would not start again", u.Name).Fixed(command("sudo", "systemctl", "unmask", u.Name))
	case u.Result == "start-limit-hit":
		return fail("%s failed to start too often, and systemd has given up", u.Name).
			Fixed(command("sudo", "systemctl", "reset-failed", u.Name), command("sudo", "systemctl", "start", u.Name))
	case u.Active != "active":
		return fail("%s is %s (%s)", u.Name, orUnknown(u.Active), orUnknown(u.Result)).
			Fixed(command("sudo", "journalctl", "-u", u.Name, "-n", "30", "--no-pager"))
	case in.Daemon.Err == nil && in.Daemon.Value.PID != 0 && u.MainPID != 0 && in.Daemon.Value.PID != u.MainPID:
		return warn("the daemon that answers is process %d, but %s runs process %d: restarting the service does not restart that daemon", in.Daemon.Value.PID, u.Name, u.MainPID)
	case u.NRestarts > 0:
		return pass("active, process %d, restarted by systemd %s", u.MainPID, times(u.NRestarts))
	}
	return pass("active, process %d", u.MainPID)
}

// serviceNext compares the dockerd that runs with the one that is started next. All
// that is said of flags is said of the next one.
func serviceNext(in *Input) Result {
	d, u, next := in.Daemon.Value, in.Unit.Value, in.Start.Value
	switch {
	case errors.Is(in.Start.Err, survey.ErrStartFails):
		return fail("%s: %v", u.Name, in.Start.Err)
	case in.Start.Err != nil:
		return unread("how dockerd will be started", in.Start.Err)
	case u.NeedReload:
		return fail("files of %s were changed since systemd read them, so systemd may start dockerd differently after the next reload or boot", u.Name).
			Fixed("sudo systemctl daemon-reload", in.docker("userns", "check"))
	case in.Daemon.Err != nil:
		return pass("%s", strings.Join(next.Args, " "))
	case d.Config != "" && next.Config != "" && d.Config != next.Config:
		return fail("dockerd reads %s now, but will read %s after a restart; restart it first, to be sure that it starts with that file", d.Config, next.Config)
	case in.Engine.Err == nil && in.Storage.Err == nil && next.DataRoot != "" && in.Storage.Value.DataRoot != next.DataRoot:
		return fail("the data root is %s now, but will be %s after a restart, without the present containers and images; restart the daemon first, or set the data root back", in.Storage.Value.DataRoot, next.DataRoot)
	case in.nextDriver() != "":
		driver, from := in.Setting("storage-driver")
		return fail("the storage driver is %s, but %s sets %s: after a restart the present containers and images are missing, or the engine does not start; remove the setting, or correct it",
			in.Engine.Value.Driver, from, driver)
	case !next.FromUnit && u.Manager == survey.Systemd:
		return unsure("%s runs %s, which starts dockerd, so the flags that dockerd will have are unknown", u.Name, u.Program)
	case !next.FromUnit:
		return skip("systemd does not start dockerd here")
	}
	r := flagsThatDiffer(in.given, dockerd.Flags(d.Args[1:]), dockerd.Flags(next.Args))
	if len(r.Details) > 0 {
		r.Status, r.Message = Warning, "dockerd will have other flags after a restart"
		return r
	}
	return pass("the same flags")
}

// nextDriver is the storage driver that the engine would come up with after a
// restart if that is another one, otherwise "".
func (in *Input) nextDriver() string {
	driver, _ := in.Setting("storage-driver")
	if in.Engine.Err != nil || in.Engine.Value.Driver == "" || driver == in.Engine.Value.Driver {
		return ""
	}
	return driver
}

// flagsThatDiffer names the flags that are only in one of two command lines.
func flagsThatDiffer(given func(dockerd.Flag) string, now, next []dockerd.Flag) (r Result) {
	same := func(a dockerd.Flag) func(dockerd.Flag) bool {
		return func(b dockerd.Flag) bool { return a.Name == b.Name && a.Value == b.Value }
	}
	for _, f := range next {
		if !slices.ContainsFunc(now, same(f)) {
			r = r.With(Detail{Name: "--" + f.Name + "=" + f.Value, Note: "added: " + given(f)})
		}
	}
	for _, f := range now {
		if !slices.ContainsFunc(next, same(f)) {
			r = r.With(Detail{Name: "--" + f.Name + "=" + f.Value, Note: "removed"})
		}
	}
	return r
}

func serviceConfig(in *Input) Result {
	switch d := in.Daemon.Value; {
	case in.Daemon.Err == nil && !d.HostMounts:
		return fail("dockerd has its own mount namespace, so its %s is not the file of that name on the host", in.ConfigPath())
	case errors.Is(in.Start.Err, survey.ErrStartFails):
		return fail("%s: %v", in.Unit.Value.Name, in.Start.Err)
	case in.Start.Err != nil:
		return unread("which daemon.json dockerd reads", in.Start.Err)
	case in.Start.Value.Config == "":
		return unsure("could not determine which daemon.json dockerd reads: %v", survey.ErrNoConfig)
	case in.Start.Value.ConfigGiven:
		return pass("%s, given by --config-file", in.ConfigPath())
	}
	return pass("%s", in.ConfigPath())
}

// daemonProcess is about who else could decide what runs as the daemon. Without
// root's rights the program cannot be seen.
func daemonProcess(in *Input) Result {
	d, next := in.Daemon.Value, in.Start.Value
	switch {
	case in.Start.Err == nil && next.Doubt != "" && d.Doubt == "":
		return fail("%s, which systemd starts as the daemon, may not be root's own program: %s; whoever can change it becomes root at the next restart", next.Program, next.Doubt).
			Fixed(command("sudo", "ls", "-ld", path.Dir(next.Program), next.Program))
	case errors.Is(in.Daemon.Err, survey.ErrNoProcess):
		return skip("no dockerd runs")
	case in.Daemon.Err != nil:
		return unread("which process is the daemon", in.Daemon.Err)
	case d.Doubt != "":
		return fail("process %d may not be a dockerd that root runs on this host: %s; its settings are ignored", d.PID, d.Doubt).
			Fixed(command("ps", "-o", "pid,user,args", "-p", strconv.Itoa(d.PID)), command("sudo", "ls", "-l", "/proc/"+strconv.Itoa(d.PID)+"/exe"))
	case in.Root != nil:
		return unsure("could not read which program process %d runs without root privileges", d.PID)
	}
	return pass("process %d runs %s", d.PID, d.Exe)
}

// singleDaemon: what configures one dockerd, in daemon.json and in the files of
// subordinate IDs, may be what another one reads.
func singleDaemon(in *Input) Result {
	d := in.Daemon.Value
	switch {
	case in.Daemon.Err != nil:
		return unread("whether another dockerd runs on this host", in.Daemon.Err)
	case len(d.Others) > 0:
		r := fail("%s on this host: the change may break it, and it may keep this one from starting; stop it, or make the change on a host with one engine",
			report.Counted(len(d.Others), "other dockerd runs", "other dockerds run"))
		for _, o := range d.Others {
			r = r.With(Detail{Name: strconv.Itoa(o.PID), Note: fmt.Sprintf("listens on %s, data root %s", strings.Join(o.Sockets, " "), o.DataRoot)})
		}
		return r
	case d.Unread > 0:
		return unsure("%d processes of root are named dockerd, too many to examine; list them with: ps -o pid,user,args -C dockerd", d.Unread)
	}
	return pass("process %d", d.PID)
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}
