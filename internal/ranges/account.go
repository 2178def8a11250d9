package ranges

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// Account is who an engine takes the ranges of. UID is -1 if there is no
// such account.
type Account struct {
	Name string
	UID  int64
}

// Exists reports whether the host has the account.
func (a Account) Exists() bool { return a.UID >= 0 }

// Find looks an account up by its login name.
func Find(a survey.Accounts, login string) Account {
	if u, ok := byName(a.Users, login); ok {
		return Account{Name: login, UID: u.ID}
	}
	return Account{Name: login, UID: -1}
}

// Resolve gives the account that a value of userns-remap stands for, as
// parseRemappedRoot of dockerd does (daemon/daemon_unix.go, 20.10 to 29.7), or
// the words with which dockerd refuses the value. "default" without an account
// dockremap is that account, which dockerd would make.
func Resolve(a survey.Accounts, value string) (Account, error) {
	parts := strings.Split(value, ":")
	if len(parts) > 2 {
		return Account{}, fmt.Errorf("Invalid user/group specification in --userns-remap: %q", value)
	}
	account, err := resolveUser(a, parts[0], len(parts) == 1)
	if err != nil || len(parts) == 1 || !account.Exists() {
		return account, err
	}
	return account, resolveGroup(a, parts[1])
}

func resolveUser(a survey.Accounts, user string, alone bool) (Account, error) {
	if uid, err := strconv.ParseInt(user, 10, 32); err == nil {
		u, ok := byID(a.Users, uid)
		if !ok {
			return Account{}, fmt.Errorf("Uid %d has no entry in /etc/passwd: %w", uid, missing("passwd", user))
		}
		if _, ok := byID(a.Groups, uid); alone && !ok {
			return Account{}, fmt.Errorf("Gid %d has no entry in /etc/group: %w", uid, missing("group", user))
		}
		return Account{Name: u.Name, UID: u.ID}, nil
	}
	name := user
	if user == "default" {
		name = DefaultUser
	}
	account := Find(a, name)
	if !account.Exists() && user == "default" {
		return account, nil
	}
	if !account.Exists() {
		return Account{}, fmt.Errorf("Error during uid lookup for %q: %w", name, missing("passwd", name))
	}
	if _, ok := byName(a.Groups, name); alone && !ok {
		return Account{}, fmt.Errorf("Error during gid lookup for %q: %w", name, missing("group", name))
	}
	return account, nil
}

func resolveGroup(a survey.Accounts, group string) error {
	if gid, err := strconv.ParseInt(group, 10, 32); err == nil {
		if _, ok := byID(a.Groups, gid); !ok {
			return fmt.Errorf("Gid %d has no entry in /etc/passwd: %w", gid, missing("group", group))
		}
		return nil
	}
	if _, ok := byName(a.Groups, group); !ok {
		return fmt.Errorf("Error during groupname lookup for %q: %w", group, missing("group", group))
	}
	return nil
}

func missing(database, key string) error {
	return fmt.Errorf("getent unable to find entry %q in %s database", key, database)
}

func byName(entries []survey.Entry, name string) (survey.Entry, bool) {
	return find(entries, func(e survey.Entry) bool { return e.Name == name })
}

func byID(entries []survey.Entry, id int64) (survey.Entry, bool) {
	return find(entries, func(e survey.Entry) bool { return e.ID == id })
}

func find(entries []survey.Entry, is func(survey.Entry) bool) (survey.Entry, bool) {
	if i := slices.IndexFunc(entries, is); i >= 0 {
		return entries[i], true
	}
	return survey.Entry{}, false
}
