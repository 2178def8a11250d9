package remap

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// These are the steps that enable and disable have in common. Each function gives
// those that a plan needs of a kind, which may be none.

const scriptFile = "change.sh"

// scriptPath is the path of the change's script on the host.
func (c Change) scriptPath() string { return path.Join(c.Dir(), scriptFile) }

// arming puts the script on the host and arms it. It comes before all that touches
// anything. The plan is whole but for its steps.
func arming(p Plan) []Step {
	title := fmt.Sprintf("Back up %s to %s", list(p.Files()), p.Dir())
	if p.Unit != "" {
		title += fmt.Sprintf(", and arm the rollback: the host undoes the change after %s unless it is proven good", short(p.Timeout))
	}
	acts := []Act{
		run("making "+Folder, "sh", "-c", `mkdir -p -m 0700 -- "$1" && [ ! -h "$1" ] && [ "$(stat -c '%u:%g %a' -- "$1")" = '0:0 700' ] && exit
			echo "it must be a directory of root:root with mode 0700, not a link: find out who created it, and move it away" >&2
			exit 1`, "sh", Folder),
		run("making the folder of the change", "sh", "-c", `mkdir -m 0700 -- "$1" && exit
			[ ! -d "$1" ] || echo "another change was begun in the same second; run the command again" >&2
			exit 1`, "sh", p.Dir()),
		replace(p.scriptPath(), p.Script(), 0o700),
		replace(path.Join(p.Dir(), manifestFile), p.manifest(), 0o600),
	}
	if p.Rights != "" {
		acts = append(acts, replace(path.Join(p.Dir(), grant.JobFile), p.Grants.text(), 0o600), install{p.Dir()})
	}
	acts = append(acts, arm{p.call("arming the rollback", "arm", seconds(p.Timeout))})
	return []Step{{Name: "arm", Title: title, Busy: "backing up, and arming the rollback", Fails: Refuse, Acts: acts}}
}

// validation has dockerd itself read the new daemon.json together with the flags
// that it will be started with, if it can: --validate exists from 23.0 on, and
// sees the user and the ranges from 26.0 on. An account that is named exists by
// then, since with "default" dockerd would create one. What is run is the program
// that systemd starts, or the executable that the kernel names, never what a
// process calls itself. There is nothing to read if the file is removed.
func validation(p Plan, f survey.Facts, config []byte) []Step {
	s := f.Start.Value
	version, known := dockerd.ParseVersion(f.Engine.Value.Version)
	if config == nil || f.Start.Err != nil || s.Doubt != "" || !path.IsAbs(s.Program) || !known || !version.AtLeast(23) {
		return nil
	}
	candidate := path.Join(p.Dir(), "daemon.json")
	args := slices.Concat([]string{s.Program, "--validate", "--config-file", candidate}, dockerd.Without(s.Args, "config-file"))
	return []Step{Step{
		Name:  "validate",
		Title: "Have dockerd read the new daemon.json with the flags that it will be started with",
		Busy:  "waiting for dockerd to read the file",
		Acts:  []Act{replace(candidate, config, 0o600)},
	}.typed(run("having dockerd read what "+f.ConfigPath()+" will be", args...))}
}

// restarting is the outage, if the plan restarts the daemon, and the proof after it.
// These containers are started before the proof, which may ask an application for
// its health.
func restarting(p Plan, f survey.Facts, ran []Object) []Step {
	if !p.Restarts {
		return nil
	}
	between, busy := []string{"stop every container, then the daemon"}, []string{"stopping the containers"}
	if p.Carry != nil {
		between, busy = append(between, fmt.Sprintf("copy what changed since the first copy (%s)", p.Carry.Outage)), append(busy, "copying what changed")
	}
	if p.Rights != "" {
		between, busy = append(between, p.Grants.title(p.Rights)), append(busy, "changing the rights to what containers mount")
	}
	last := "start it again"
	if len(between) > 1 {
		last = "start the daemon again"
	}
	outage := Step{
		Name:  "restart",
		Title: fmt.Sprintf("Restart %s: %s, and %s", p.Unit, strings.Join(between, ", "), last),
		Busy:  strings.Join(busy, ", ") + ", and restarting the daemon",
	}
	words := []string{"restart"}
	if more := p.outageTime(f); more > 0 { // which is not to use up the time until the undo
		words = append(words, seconds(p.Timeout), seconds(more))
	}
	outage.Acts = []Act{restart{p.call("restarting "+p.Unit, words...)}}
	steps := []Step{outage}
	if len(ran) > 0 {
		steps = append(steps, Step{
			Name: "start", Title: startTitle(p) + nameList(ran), Busy: "starting containers", Acts: []Act{start{ran}},
		})
	}
	return append(steps, Step{Name: "prove", Title: proofTitle(p), Busy: "waiting for the engine to answer", Acts: []Act{prove{}}})
}

// outageTime is how long a restart may take beyond a usual one.
func (p Plan) outageTime(f survey.Facts) (more time.Duration) {
	if stop := f.StopTime(); stop > survey.UsualStop {
		more += stop
	}
	if p.Carry != nil {
		more += p.Carry.finishTime()
	}
	if p.Rights != "" {
		more += rightsTime
	}
	return more
}

func startTitle(p Plan) string {
	if p.Verb == Disable && p.Carry == nil {
		return "Start the containers that ran before enable: "
	}
	return "Start the containers that ran before the restart: "
}

func proofTitle(p Plan) string {
	if p.Verb == Disable && p.Carry != nil {
		return "Prove it: the engine answers and does not remap, what was carried back is there and runs, and the daemon stays up"
	}
	return proofTitles[p.Verb]
}

var proofTitles = map[Verb]string{
	Enable:  "Prove it: the engine answers and remaps, a container's processes are the mapped users' in the host's /proc, and the daemon stays up",
	Disable: "Prove it: the engine answers and does not remap, what stayed in the old data root is back, and the daemon stays up",
}

// keeping disarms. What comes after it cleans up.
func keeping(p Plan) []Step {
	return []Step{{Name: "keep", Title: "Disarm the rollback: the change stays", Busy: "disarming the rollback", Acts: []Act{
		disarm{p.call("disarming the rollback", "keep")},
	}}}
}

func replace(path string, data []byte, mode fs.FileMode) write {
	return write{host.File{Path: path, Data: data, Mode: mode}}
}

// nameList names objects, the first ones of very many.
func nameList(objects []Object) string {
	const most = 20
	var all []string
	for _, o := range objects[:min(len(objects), most)] {
		all = append(all, o.String())
	}
	if more := len(objects) - most; more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, ", ")
}

func list(files []File) string {
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	return enumerate(paths)
}

// enumerate joins words as in a sentence: "a, b and c".
func enumerate(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
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
