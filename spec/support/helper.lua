--- What busted runs before the specs (--helper).

-- SHOAL_GC: a collector that starts anew as soon as it is done and does a whole
-- cycle in each step, so that an object that nobody holds does not live on by
-- luck.
if os.getenv("SHOAL_GC") then
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 1000000)
end

-- The sanitizer's runtime was preloaded for this interpreter. The programs that
-- specs start are none of its business, or bring it themselves.
if os.getenv("LD_PRELOAD") then
  require("posix.stdlib").setenv("LD_PRELOAD", nil)
end
