package probe

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
)

// An answer is waited for a little longer than the work that it is of, and not
// for ever.
func TestLasting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		longer, done := lasting(ctx)
		defer done()
		cancel()
		time.Sleep(graceTime - time.Second)
		assert.NilError(t, longer.Err())
		time.Sleep(2 * time.Second)
		assert.ErrorIs(t, longer.Err(), context.Canceled)
	})
	synctest.Test(t, func(t *testing.T) {
		longer, done := lasting(t.Context())
		done()
		assert.ErrorIs(t, longer.Err(), context.Canceled)
	})
}
