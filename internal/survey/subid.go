package survey

import (
	"github.com/docker-userns/docker-userns/internal/host"
)

// The tables of subordinate IDs, subuid(5) and subgid(5).
const (
	subuidFile = "/etc/subuid"
	subgidFile = "/etc/subgid"
)

var subIDTopic = topic{
	first: func(_ *look, q *host.Questions) {
		q.Files = append(q.Files, subuidFile, subgidFile)
		q.Stats = append(q.Stats, subuidFile, subgidFile)
		q.Attrs = append(q.Attrs, subuidFile, subgidFile)
	},
	read:   func(l *look, f *Facts) { f.SubUID, f.SubGID = l.text(subuidFile), l.text(subgidFile) },
	unread: func(f *Facts, err error) { f.SubUID.Err, f.SubGID.Err = err, err },
}
