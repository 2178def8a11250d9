package remap

import (
	"fmt"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// forgetting is the step that removes what every enable made besides daemon.json: its
// lines in /etc/subuid and /etc/subgid, then the user. Containers of the remapped root
// keep their owners as bare numbers. notRemoved are sentences about what stays.
func forgetting(p Plan, f survey.Facts, past []Past) (steps []Step, notRemoved []string, err error) {
	step := Step{Name: "forget", Title: "Remove the subordinate IDs that enable gave", Busy: "removing what enable created", Fails: Keep}
	var account []Act
	for _, enabled := range past {
		login := enabled.Account
		switch {
		case enabled.Verb != Enable || enabled.Verdict != Kept:
			continue
		case login == "" || !exists(f, login):
		case !accountMade(f.Accounts.Value, enabled):
			notRemoved = append(notRemoved, fmt.Sprintf("The user %s is kept, with its subordinate IDs: it was changed since change %s created it", login, enabled.ID))
			continue
		case account == nil:
			step.Title += ", and the user " + login
			account = []Act{enabled.change().call("deleting the user "+login, "forget")}
		}
		for _, table := range enabled.tables() {
			if line, text, ok := lineAdded(f, table); ok {
				step.Diff += edit{path: table.Path, existed: true, before: text, after: without(text, line)}.diff()
				step.Acts = append(step.Acts, enabled.change().call("removing a line from "+table.Path, "drop", table.Path, line))
			}
		}
	}
	step.Acts = append(step.Acts, account...)
	switch {
	case len(step.Acts) == 0 && notRemoved == nil:
		return nil, []string{"There is no user or range left that enable created"}, nil
	case len(step.Acts) == 0:
		return nil, notRemoved, nil
	case p.Restart != "":
		return nil, nil, fmt.Errorf("--restore-subids: containers run under these IDs until the daemon is restarted; restart it first on %s (%s)", p.On, p.Restart)
	}
	return []Step{step}, notRemoved, nil
}

// lineAdded is the line that a change added to a table of subordinate IDs, and the
// table as it is now. It reports whether the line is still there.
func lineAdded(f survey.Facts, table File) (line string, text []byte, ok bool) {
	text = f.SubUID.Value.Data
	if table.Path == subgidPath {
		text = f.SubGID.Value.Data
	}
	line, ok = lineIn(table.Added, text)
	return line, text, ok
}
