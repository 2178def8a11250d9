package check

import (
	"errors"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/survey/surveytest"
)

type auditReport = audit.Report

var errTest = errors.New("it went wrong")

func read[T any](v T) survey.Read[T] { return survey.Read[T]{Value: v} }

func text(path, data string) survey.TextFile {
	return survey.TextFile{Path: path, Data: []byte(data), Stat: host.Stat{Mode: 0o644, Size: int64(len(data))}}
}

func sound() survey.Facts    { return surveytest.Sound() }
func remapped() survey.Facts { return surveytest.Remapped() }

func withAccount(f *survey.Facts, line string) { surveytest.WithAccount(f, line) }

func dirs(pathsAndModes ...any) []survey.Parent { return surveytest.Dirs(pathsAndModes...) }

func audits() []audit.Report {
	return []audit.Report{{ID: "sha256:1", Image: "app:1", Verdict: audit.Mappable, Startable: true}}
}

// unreachable is a survey that learnt nothing.
func unreachable(kind string) survey.Facts {
	return survey.Facts{
		Endpoint: "tcp://db1:2376", HostKind: kind, Root: host.ErrNone, Where: survey.Where{Place: survey.PlaceRemote},
		Engine: fails[survey.Engine](), Containers: fails[[]survey.Container](), Images: fails[[]survey.Image](), Volumes: fails[[]survey.Volume](),
		Networks: fails[[]survey.Network](), Plugins: fails[[]survey.Plugin](), Swarm: fails[[]survey.SwarmService](),
		Daemon: fails[survey.Daemon](), Unit: fails[survey.Unit](), Start: fails[survey.Start](), Config: fails[survey.ConfigFile](),
		SubUID: fails[survey.TextFile](), SubGID: fails[survey.TextFile](), Accounts: fails[survey.Accounts](),
		Kernel: fails[survey.Kernel](), Tools: fails[survey.Tools](), Maps: fails[[]survey.LiveMap](), Storage: fails[survey.Storage](),
		Paths: fails[map[string]survey.Path](), Pending: fails[*survey.Pending](), Left: fails[[]survey.Left](),
	}
}

func fails[T any]() survey.Read[T] { return survey.Read[T]{Err: host.ErrNone} }
