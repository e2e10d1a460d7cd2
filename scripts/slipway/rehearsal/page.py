from slipway.rehearsal.story import Told


def write(path, told, answers):
    path.write_text("x")


def summary(told):
    return "x"
