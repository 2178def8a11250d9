package ranges

import (
	"slices"
	"strconv"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// inForce is the map that a remapped engine has now. dockerd reads the files when it
// starts, and never again; of what it read then the name of its data root tells where
// the map begins. So it is the map of the files that begins there, whoever's it is, first
// the one of the account that is configured now; whole is false if the files have none.
func inForce(f survey.Facts, configured Account) (m idmap.Map, whole bool) {
	uid, gid, ok := dockerd.RootIDs(f.Engine.Value.DataRoot)
	if remapped, known := f.Remapped(); !known || !remapped || !ok {
		return idmap.Map{}, false
	}
	m = idmap.Map{
		UID: idmap.Extents{{HostID: uid, Size: idmap.Default}},
		GID: idmap.Extents{{HostID: gid, Size: idmap.Default}},
	}
	if m.Err() != nil { // an engine is not believed that says an ID that there is not
		return idmap.Map{}, false
	}
	for _, account := range append([]Account{configured, Find(f.Accounts.Value, DefaultUser)}, owners(f)...) {
		got, refusal, unread := Predict(f, account)
		if refusal == nil && unread == nil && got.Err() == nil && got.Suffix() == m.Suffix() {
			return got, true
		}
	}
	return m, false
}

// owners are the accounts that have lines in /etc/subuid.
func owners(f survey.Facts) []Account {
	subuid, _, err := Files(f)
	if err != nil {
		return nil
	}
	var all []Account
	lines, _ := idmap.Parse(subuid) // those before one that cannot be read count
	for _, line := range lines {
		if line.Owner == "" {
			continue
		}
		account := owner(f.Accounts.Value, line.Owner)
		if !slices.Contains(all, account) {
			all = append(all, account)
		}
	}
	return all
}

// owner is the account that a line is for, by its login name or its UID.
func owner(a survey.Accounts, key string) Account {
	account := Find(a, key)
	uid, err := strconv.ParseInt(key, 10, 64)
	if err != nil || account.Exists() {
		return account
	}
	if u, ok := byID(a.Users, uid); ok {
		return Account{Name: u.Name, UID: uid}
	}
	return Account{Name: key, UID: uid}
}
