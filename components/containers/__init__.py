"""Files that hold pictures: tars, TFRecord files, tf.Examples; read by place, without unpacking."""
