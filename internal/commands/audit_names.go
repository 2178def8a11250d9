package commands

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/docker-userns/docker-userns/internal/image"
)

// maxImageList is the most bytes of --images-from that are read.
const maxImageList = 1 << 20

// parseImages reads what the user called images, on the command line or in a file.
func (o auditOptions) parseImages(stdin io.Reader) (refs []image.Ref, err error) {
	listed, err := imagesFrom(o.imagesFrom, stdin)
	if err != nil {
		return nil, fmt.Errorf("--images-from %s: %w", o.imagesFrom, err)
	}
	stdins := 0
	if o.imagesFrom == onStdin {
		stdins++
	}
	for _, arg := range append(o.images[:len(o.images):len(o.images)], listed...) {
		ref, err := image.Parse(arg)
		if err != nil {
			return nil, err
		}
		if ref.Place == image.OnStdin {
			stdins++
		}
		refs = append(refs, ref)
	}
	if stdins > 1 {
		return nil, errors.New("- (standard input) can be read once only")
	}
	return refs, nil
}

// imagesFrom reads a list of images, one in a line. Empty lines, and those that begin
// with #, are left out.
func imagesFrom(path string, stdin io.Reader) (images []string, err error) {
	if path == "" {
		return nil, nil
	}
	from := stdin
	if path != onStdin {
		f, err := os.Open(path)
		if err != nil {
			return nil, errors.Unwrap(err)
		}
		defer f.Close()
		from = f
	}
	lines := bufio.NewScanner(io.LimitReader(from, maxImageList))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			images = append(images, line)
		}
	}
	return images, lines.Err()
}
