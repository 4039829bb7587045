// SPDX-License-Identifier: MIT

// Members of memberlist, for bench/peers/run.lua:
//
//	memberlist PORT SEED       one; SEED is "" or host:port
//	memberlist PORT SEED 128   as many in one process, on ports that are free,
//	                           all through the first
//
// One member prints "up ADDR", "down ADDR" and "got DATA", and broadcasts every
// line of its stdin. Many print "joined" when all know all.
package main

import (
	"bufio"
	"fmt"
	"io/ioutil"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

const retryAfter = time.Second

type item []byte

func (item) Invalidates(memberlist.Broadcast) bool { return false }
func (i item) Message() []byte                     { return i }
func (item) Finished()                             {}

// What memberlist asks and tells; passing user data on is left to its user.
type member struct {
	lock  sync.Mutex
	quiet bool
	queue memberlist.TransmitLimitedQueue
	seen  map[string]bool
}

func (m *member) tell(kind string, what string) {
	if !m.quiet {
		fmt.Println(kind, what)
	}
}

func (m *member) NotifyJoin(n *memberlist.Node)  { m.tell("up", n.Address()) }
func (m *member) NotifyLeave(n *memberlist.Node) { m.tell("down", n.Address()) }
func (*member) NotifyUpdate(*memberlist.Node)    {}

func (*member) NodeMeta(int) []byte           { return nil }
func (*member) LocalState(bool) []byte        { return nil }
func (*member) MergeRemoteState([]byte, bool) {}

func (m *member) GetBroadcasts(overhead, limit int) [][]byte {
	return m.queue.GetBroadcasts(overhead, limit)
}

func (m *member) NotifyMsg(data []byte) {
	m.lock.Lock()
	known := m.seen[string(data)]
	m.seen[string(data)] = true
	m.lock.Unlock()
	if known {
		return
	}
	m.tell("got", string(data))
	m.queue.QueueBroadcast(item(append([]byte(nil), data...)))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func start(port int, seed string, quiet bool) (*memberlist.Memberlist, *member) {
	m := &member{quiet: quiet, seen: map[string]bool{}}
	config := memberlist.DefaultLANConfig()
	config.BindAddr, config.BindPort = "127.0.0.1", port
	config.AdvertisePort = port
	config.Name = fmt.Sprintf("%d-%p", os.Getpid(), m)
	config.Events, config.Delegate = m, m
	config.LogOutput = ioutil.Discard
	list, err := memberlist.Create(config)
	if err != nil {
		fail(err)
	}
	m.queue.NumNodes, m.queue.RetransmitMult = list.NumMembers, config.RetransmitMult
	for seed != "" {
		// It tries once; trying again is left to its user.
		if _, err := list.Join([]string{seed}); err == nil {
			break
		}
		time.Sleep(retryAfter)
	}
	return list, m
}

func many(count int) {
	lists := []*memberlist.Memberlist{}
	seed := ""
	for len(lists) < count {
		list, _ := start(0, seed, true)
		lists = append(lists, list)
		seed = lists[0].LocalNode().Address()
	}
	for _, list := range lists {
		for list.NumMembers() < count {
			time.Sleep(time.Millisecond)
		}
	}
	fmt.Println("joined")
	select {}
}

func main() {
	if len(os.Args) > 3 {
		count, err := strconv.Atoi(os.Args[3])
		if err != nil {
			fail(err)
		}
		many(count)
	}
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fail(err)
	}
	_, m := start(port, os.Args[2], false)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		m.NotifyMsg(lines.Bytes())
	}
	select {}
}
