--- A busted helper: a collector that starts anew as soon as it is done and does
-- a whole cycle in each step, so that an object that nobody holds does not
-- live on by luck.

collectgarbage("setpause", 0)
collectgarbage("setstepmul", 1000000)
