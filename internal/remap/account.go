package remap

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/ranges"
	"github.com/docker-userns/docker-userns/internal/survey"
)

const (
	subuidPath = "/etc/subuid"
	subgidPath = "/etc/subgid"
)

// loginName is what useradd(8) of shadow takes everywhere.
var loginName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

func validUser(login string, a ranges.Account) error {
	switch {
	case a.UID == 0:
		return fmt.Errorf("root cannot be remapped to itself: name another user")
	case login == "default":
		return fmt.Errorf("dockerd would choose a range itself, from 28.0 on perhaps one of another user: name a user")
	case !a.Exists() && !loginName.MatchString(login):
		return fmt.Errorf("no such user, and a user of that name cannot be created: use at most 32 lowercase letters, digits, - and _")
	case strings.ContainsAny(login, ":\n\x00") || strings.Trim(login, "0123456789") == "":
		return fmt.Errorf("dockerd does not read that as the name of a user")
	}
	return nil
}

// valueFor is the value of userns-remap for an account. A name alone stands for
// the group of that name as well (parseRemappedRoot of dockerd,
// daemon/daemon_unix.go, 20.10 to 29.7), which must exist though it is not
// used; if it does not, the user's primary group serves.
func valueFor(a survey.Accounts, account ranges.Account) string {
	named := func(g survey.Entry) bool { return g.Name == account.Name }
	if !account.Exists() || slices.ContainsFunc(a.Groups, named) {
		return account.Name
	}
	for _, u := range a.Users {
		for _, g := range a.Groups {
			if u.Name == account.Name && g.ID == u.GID {
				return account.Name + ":" + g.Name
			}
		}
	}
	return account.Name
}

// makeAccount is the step that creates a system user without a home, a password
// or a shell, and a group of the same name: with useradd of shadow, otherwise with
// the adduser of busybox.
func makeAccount(f survey.Facts, login, comment string) (Step, error) {
	step := Step{Name: "account", Title: fmt.Sprintf("Create the system user %s, without home, password or shell", login), Busy: "creating the user"}
	why := "creating the user " + login
	switch t := f.Tools.Value; {
	case t["useradd"] != "":
		return step.typed(run(why, t["useradd"], "--system", "--user-group", "--no-create-home", "--home-dir", nowhere, "--shell", nologin, "--comment", comment, login)), nil
	case t["adduser"] != "":
		return step.typed(
			run("creating the group "+login, "addgroup", "-S", login),
			run(why, t["adduser"], "-S", "-D", "-H", "-h", nowhere, "-s", nologin, "-g", comment, "-G", login, login),
		), nil
	}
	return step, fmt.Errorf("%s: neither useradd nor adduser is installed; create the user yourself, or name another with --user", why)
}

const (
	nologin = "/usr/sbin/nologin"
	nowhere = "/nonexistent"
)

func lineOf(login string, r idmap.Range) string {
	return fmt.Sprintf("%s:%d:%d", login, r.Start, r.Size)
}

// addLine is the edit of /etc/subuid or /etc/subgid that gives away a range.
func addLine(f survey.Read[survey.TextFile], path, login string, r idmap.Range) edit {
	e := edit{path: path, existed: f.Err == nil, before: f.Value.Data}
	e.after = bytes.Clone(e.before)
	if len(e.after) > 0 && !bytes.HasSuffix(e.after, []byte("\n")) {
		e.after = append(e.after, '\n')
	}
	e.after = append(e.after, lineOf(login, r)+"\n"...)
	return e
}

// untouched is a file that is backed up and stays as it is.
func untouched(f survey.Read[survey.TextFile], path string) File {
	return edit{path: path, existed: f.Err == nil, before: f.Value.Data, after: f.Value.Data}.file()
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func exists(f survey.Facts, login string) bool {
	return ranges.Find(f.Accounts.Value, login).Exists()
}

// lineIn is the one line that was added to a table of subordinate IDs, and
// whether it is still there.
func lineIn(added string, text []byte) (string, bool) {
	line := strings.Trim(added, "\n")
	return line, line != "" && slices.Contains(strings.Split(string(text), "\n"), line)
}

func without(text []byte, line string) []byte {
	lines := strings.SplitAfter(string(text), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.TrimSuffix(l, "\n") == line })
	return []byte(strings.Join(slices.Delete(lines, i, i+1), ""))
}
