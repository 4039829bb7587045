--- Lehmer's generator: the same throws for a seed (1 to 2147483646) in every Lua.
--
--   local roll = dice(7)
--   roll(6)                -- 1 to 6

return function(seed)
  local state = seed
  return function(sides)
    state = state * 16807 % 2147483647
    return state % sides + 1
  end
end
