"""Prints the logits of SavedModels as JSON: runSavedModel.py FOLDER..., each with images.npy beside saved_model.pb."""
import json
import sys

import numpy as np
import tensorflow as tf

result = {}
for folder in sys.argv[1:]:
    model = tf.saved_model.load(folder)
    images = np.load(f"{folder}/images.npy")
    result[folder] = model.signatures["serving_default"](images=tf.constant(images))["logits"].numpy().tolist()
json.dump(result, sys.stdout)
