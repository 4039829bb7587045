---@meta
--- What handlers get besides members.

---@class shoal.View  what has changed since the last on_view; all are empty if only the node's own tags have
---@field joined shoal.Member[]   were not up then, and are now
---@field left shoal.Member[]     were up then, and are not now
---@field changed shoal.Member[]  were up then and are now: with another identity, state or tags, or after an absence

---@class shoal.Former  a member's identity that another one has replaced
---@field id shoal.Identity
---@field addr string

---@class shoal.Packet
---@field id shoal.Identity  the other side
---@field message shoal.Message
---@field updates integer    member updates in it
---@field size integer       bytes
---@field incarnation integer  of its sender
---@field number? integer    of the probe that it belongs to, 0 to 255
---@field peer? shoal.Identity  of the indirect kinds: the member that is probed, or that asked for it

---@class shoal.Dropped  a broadcast that waited to be sent, or tags
---@field size integer  bytes
---@field reason "too_big"|"backlog_full"  it no longer fits into a packet; max_broadcasts newer ones are queued
