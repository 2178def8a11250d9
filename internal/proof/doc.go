// Package proof decides whether a change of userns-remap stays: it tries before the
// change what the proof relies on, and after the restart it holds the engine, all
// processes, a new container and the applications against the plan, for as long as
// the options ask for.
//
// It changes nothing on the host, and undoes nothing: that is package remap, which
// asks it through [remap.Prover].
package proof
