// Package app wires quell together: it opens the store, loads the engine, runs the loop that owns it, and starts and stops
// everything else. It owns every goroutine of the process but the workers inside a dispatcher's Run.
//
// The loop is the heart. Requests that arrive while a commit is under way form the next batch; a batch is one step of the engine,
// one record of the journal and one transaction, and only then does every sender in it get its answer. Deliveries are handed to
// the dispatcher after the commit that holds them. When the store cannot be written, senders are refused, critical alerts go
// straight to their receivers, and what the engine decides by itself is delivered first and stored as soon as that is possible
// again (see safemode.go).
package app
