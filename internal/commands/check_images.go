package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/onhost"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// imageTime is how long a check may decompress layers. Those of engines with a graph
// driver need no decompressing.
const imageTime = 2 * time.Second

// auditRecords audits the images of the engine, as far as they can be read from files
// of its host within imageTime. With all, it audits every image, and streams from the
// engine what it cannot read otherwise. The options get the reports, and why images have
// none; the facts learn from the images who the containers are.
func (t *target) auditRecords(ctx context.Context, facts *survey.Facts, o *check.Options, all bool) {
	o.Unread = map[string]error{}
	o.Audits.Value, o.Audits.Err = t.auditImages(ctx, facts, o, all)
}

func (t *target) auditImages(ctx context.Context, facts *survey.Facts, o *check.Options, all bool) (reports []audit.Report, err error) {
	in := check.NewInput(*facts, *o)
	m, err := in.Map()
	if err != nil {
		return nil, err
	}
	files, done := t.files(ctx)
	defer done()
	a := audit.New(audit.Options{Map: m, Paths: 1})
	d := image.Daemon{Engine: t.engine, All: true, Hosts: files, Program: onhost.Program()}
	if !all {
		d.RecordsOnly, d.Within = true, imageTime
	}
	images, err := d.Images(ctx, a)
	if err != nil {
		return nil, err
	}
	for _, img := range images {
		if img.Err != nil {
			o.Unread[img.ID] = whyUnread(img.Err, facts.Root)
			continue
		}
		reports = append(reports, a.Report(img))
		if passwd, group, ok := a.Accounts(img); ok {
			facts.Learn(img.ID, passwd, group)
		}
	}
	return reports, nil
}

// whyUnread says why an image was not read: most often since the host is not read as root.
func whyUnread(err, root error) error {
	if root != nil && errors.Is(err, image.ErrNoRecords) {
		return fmt.Errorf("%w: %w; as root, the check reads them there", image.ErrNoRecords, root)
	}
	return err
}
