package render

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/docker/cli/cli/streams"
	"gotest.tools/v3/assert"
)

// Without a terminal, a line now and then says what goes on, and nothing after it.
func TestClock(t *testing.T) {
	var out bytes.Buffer
	c := &Clock{w: streams.NewOut(&out), every: 20 * time.Millisecond}
	c.Start("waiting")
	time.Sleep(50 * time.Millisecond)
	c.At("looking")
	time.Sleep(50 * time.Millisecond)
	c.Stop()
	c.Stop()
	said := out.String()
	assert.Check(t, regexp.MustCompile(`^(      \d+s: waiting\n)+(      \d+s: looking\n)+$`).MatchString(said), "%q", said)
	time.Sleep(50 * time.Millisecond)
	assert.Equal(t, out.String(), said)
}
