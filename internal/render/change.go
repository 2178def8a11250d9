package render

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/sh"
)

// Change tells of a change to a host while it is made, and how it ended.
type Change struct {
	Plan   remap.Plan
	On     string                       // the machine that commands for the host are typed on
	Docker func(words ...string) string // a command of docker that goes to the engine
}

// Step announces step n, counted from 1.
func (c Change) Step(n int, s remap.Step) string {
	return fmt.Sprintf("[%d/%d] %s\n", n, len(c.Plan.Steps), escape.Line(s.Title))
}

// Took is how long a step took, if that is worth a line.
func (c Change) Took(d time.Duration) string {
	if d < time.Second {
		return ""
	}
	return fmt.Sprintf("      %s\n", d.Round(100*time.Millisecond))
}

// NotStarted names a container that does not start.
func (c Change) NotStarted(one remap.Object, why error) string {
	return fmt.Sprintf("      starting container %s: %s\n", escape.Line(one.String()), escape.Line(why.Error()))
}

// Accepted is what does not hold, and is no reason to undo the change.
func (c Change) Accepted(r report.Result) string {
	return fmt.Sprintf("      warning: %s (%s); see what and how to fix it with: %s\n", escape.Line(r.Message), r.ID, c.Docker("userns", "verify"))
}

// Undoing is why the change is undone. Only systemd undoes one without this program.
func (c Change) Undoing(why error) string {
	text := c.why(why) + "\nUndoing the change."
	if c.Plan.Unit != "" {
		text += " The host does this automatically, even if this command ends."
	}
	return text + "\n"
}

// why is an error, with the machine that the commands in it are for, if it came from
// there.
func (c Change) why(err error) string {
	var refused *remap.CommandError
	if errors.As(err, &refused) {
		return "On " + c.On + ": " + escape.Error(err)
	}
	return escape.Error(err)
}

// Refused is why nothing was changed.
func (c Change) Refused(why error) string {
	text := c.why(why) + "\nNothing was changed.\n"
	if c.Plan.Carry != nil {
		twin := escape.Line(c.Plan.Carry.Job.To)
		text += fmt.Sprintf("What was copied until then stays in %s on %s: run the command again to resume it. To delete it: %s\n",
			twin, c.On, Command(sh.Command("sudo", "rm", "-rf", c.Plan.Carry.Job.To)))
	}
	return text
}

// Partly is what is left to do after a change that stays.
func (c Change) Partly(why error) string {
	return c.why(why) + "\nThe change itself was made and stays. Fix this, and run the command again.\n"
}

// RolledBack says what is true after a change was undone. except is what the host says of
// files that somebody else edited, nil if there are none.
func (c Change) RolledBack(except error) string {
	how := "the previous state is restored"
	if except != nil {
		how = "the previous state is restored, except for the above"
	}
	return fmt.Sprintf("The change was rolled back; %s: %s. For details see %s/log on %s.\n", how, c.before(), c.Plan.Dir(), c.On)
}

// Except is what the host says of files that could not be restored.
func (c Change) Except(why error) string { return fmt.Sprintf("On %s: %s\n", c.On, escape.Error(why)) }

func (c Change) before() string {
	s := c.Plan.Before
	if c.Plan.Down {
		return "the daemon was down, and daemon.json is as it was then"
	}
	state := "remap is off"
	if s.Remapped {
		state = "remap is on"
	}
	return fmt.Sprintf("%s, and the data root is %s, with %s and %s", state, escape.Line(s.DataRoot),
		report.Count(len(s.Containers), "container"), report.Count(len(s.Images), "image"))
}

// Recover is what a person has to type if the host could not be restored, or not be
// seen.
func (c Change) Recover(why error) string {
	return fmt.Sprintf(`%[1]s

Manual recovery required. Run on %[2]s, in this order:

    %[3]s

The original files are in %[4]s/backup there, and the log of the change is %[4]s/log.
`, c.why(why), c.On, strings.Join(c.RecoveryCommands(), "\n    "), c.Plan.Dir())
}

// RecoveryCommands are the commands for that.
func (c Change) RecoveryCommands() []string {
	unit := Command(sh.Command(cmp.Or(c.Plan.Unit, "docker")))
	return []string{
		fmt.Sprintf("sudo sh %s/change.sh undo", c.Plan.Dir()),
		fmt.Sprintf("sudo journalctl -u %s -n 50 --no-pager", unit),
		fmt.Sprintf("sudo systemctl reset-failed %[1]s; sudo systemctl restart %[1]s", unit),
	}
}

// Enabled says what is true after enable, and how to go back. image was loaded for the
// proof, "" if none was.
func (c Change) Enabled(image string) string {
	p, verify, disable := c.Plan, c.Docker("userns", "verify"), c.Docker("userns", "disable")
	if p.Restart != "" {
		return fmt.Sprintf("The files are changed. userns-remap turns on at the next restart of the daemon. On %s:\n\n    %s\n\nTo prove it then: %s\nTo go back: %s\n",
			c.On, Command(p.Restart), verify, disable)
	}
	text := fmt.Sprintf("userns-remap is on. Root in a container is UID %d and GID %d on the host; the map is %s.\n", p.After.Map.UID.Root(), p.After.Map.GID.Root(), p.After.Map)
	text += fmt.Sprintf("The data root is %s.", escape.Line(p.After.DataRoot))
	if p.Carry != nil {
		text += fmt.Sprintf(" %s were carried over; %s has them, too, as they were.\nTo see what is missing: %s",
			p.Carry, escape.Line(p.Before.DataRoot), verify)
	} else if containers, images := len(p.Before.Containers), len(p.Before.Images); containers+images > 0 {
		where := escape.Line(p.Before.DataRoot)
		if p.Before.Containerd {
			where += " and in the containerd image store"
		}
		text += fmt.Sprintf(" %s and %s stay in %s as they were, with their volumes and networks.\nTo see what must be recreated: %s",
			report.Count(containers, "container"), report.Count(images, "image"), where, verify)
	}
	if image != "" {
		text += fmt.Sprintf("\nImage %s was loaded there for the proof.", escape.Line(image))
	}
	return text + fmt.Sprintf("\nBackup: %s\nTo go back: %s\n", p.Dir(), disable)
}

// Disabled says what is true after disable.
func (c Change) Disabled() string {
	var text string
	switch p := c.Plan; {
	case p.Restart != "":
		text = fmt.Sprintf("The files are changed. userns-remap turns off at the next restart of the daemon. On %s:\n\n    %s\n", c.On, Command(p.Restart))
	case p.Down && !p.Restarts:
		text = "userns-remap is off, and the daemon is down as it was before.\n"
	case p.After.DataRoot == "":
		text = "userns-remap is off.\n"
	default:
		text = fmt.Sprintf("userns-remap is off. The data root is %s.\n", escape.Line(p.After.DataRoot))
	}
	if c.Plan.Carry != nil {
		text += fmt.Sprintf("%s were carried back. What %s had before is in %s; if you do not need it, delete it on %s: %s\n",
			c.Plan.Carry, escape.Line(c.Plan.After.DataRoot), escape.Line(c.Plan.Aside), c.On, Command(sh.Command("sudo", "rm", "-rf", c.Plan.Aside)))
	}
	if c.Plan.Before.Remapped && len(c.Plan.Trees) == 0 {
		text += fmt.Sprintf("What ran with remap stays in %s; delete it with: %s\n", escape.Line(c.Plan.Before.DataRoot), c.Docker("userns", "disable", "--reclaim"))
	}
	if backup := c.Plan.Backup(); backup != "" {
		text += fmt.Sprintf("Backup: %s\n", backup)
	}
	return text
}
