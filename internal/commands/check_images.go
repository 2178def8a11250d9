package commands

import (
	"context"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// auditRecords audits the images of the engine, as far as its layer records can
// be read: a check streams no gigabytes.
func auditRecords(ctx context.Context, engine image.Engine, h host.Host, in *check.Input) survey.Read[[]audit.Report] {
	m, err := in.Map()
	if err != nil {
		return survey.Read[[]audit.Report]{Err: err}
	}
	hosts := []image.Files{h}
	if h.Kind() == host.KindLocal && in.Root == nil {
		roots := readersOf(in.Endpoint)
		defer roots.Close()
		hosts = roots.files()
	}
	a := audit.New(audit.Options{Map: m, Paths: 1})
	images, err := image.Daemon{Engine: engine, All: true, Hosts: hosts, RecordsOnly: true}.Images(ctx, a)
	if err != nil {
		return survey.Read[[]audit.Report]{Err: err}
	}
	var reports []audit.Report
	for _, img := range images {
		if img.Err == nil {
			reports = append(reports, a.Report(img))
		}
	}
	return survey.Read[[]audit.Report]{Value: reports}
}
